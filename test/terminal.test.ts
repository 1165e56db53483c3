/** The four modes: {new terminal, pass-through} × {foreground, detached}. */
import { describe, expect, test } from "bun:test";
import { host, installed } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { FdReceiver } from "./support/sockets.ts";
import type { TestSpec } from "./support/spec.ts";
import { Master, shows } from "./support/terminal.ts";

// termios(3)
const ICANON = 0o2;
const ECHO = 0o10;

/** A spec with a terminal that runs a script. */
function interactive(script: string): (spec: TestSpec) => void {
  return (spec) => {
    spec.process.terminal = true;
    spec.process.args = ["/bin/sh", "-c", script];
  };
}

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("new terminal, foreground: the container's own pty, with /dev/console and the host's size", async () => {
      await using box = new Sandbox(subject);
      const script = "tty; stty size; test -c /dev/console && echo console; echo x >/dev/tty; exit 4";
      await using session = box.terminal(
        ["run", "--bundle", box.bundle(interactive(script)), box.name()],
        91,
        37,
      );
      expect(await session.exited).toBe(4);
      await shows(session, "/dev/pts/0\r\n37 91\r\nconsole\r\nx\r\n");
    });

    test("new terminal, detached: consoleSize of the config is its size", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        interactive("stty size")(spec);
        spec.process.consoleSize = { height: 11, width: 22 };
      });
      await using receiver = new FdReceiver(`${box.dir}/console`);
      const id = box.name();
      await box.ok(["run", "--detach", "--bundle", bundle, "--console-socket", `${box.dir}/console`, id]);
      using master = new Master(await receiver.receive());
      await shows(master, "11 22\r\n");
    });

    test("new terminal, foreground: what is typed arrives, the host is raw meanwhile and restored", async () => {
      await using box = new Sandbox(subject);
      const script = 'stty -echo; echo ready; read line; echo "got $line"; exit 0';
      await using session = box.terminal(["run", "--bundle", box.bundle(interactive(script)), box.name()]);
      const before = session.flagsBefore;
      expect(before & (ICANON | ECHO)).toBe(ICANON | ECHO);
      await shows(session, "ready");
      expect(session.localFlags & (ICANON | ECHO)).toBe(0);
      session.write("hello\r");
      await shows(session, "got hello");
      expect(await session.exited).toBe(0);
      expect(session.localFlags).toBe(before);
    });

    test("new terminal, foreground: the host is restored however the container ends", async () => {
      await using box = new Sandbox(subject);
      const script = "trap 'exit 7' TERM HUP; echo ready; while :; do sleep 0.05; done";
      const bundle = box.bundle(interactive(script));
      for (const end of ["kill", "delete", "SIGTERM", "SIGHUP"]) {
        const id = box.name();
        await using session = box.terminal(["run", "--bundle", bundle, id]);
        const before = session.flagsBefore;
        await shows(session, "ready");
        await until("raw mode", () => (session.localFlags & ICANON) === 0);
        if (end === "kill") await box.ok(["kill", id, "KILL"]);
        else if (end === "delete") await box.ok(["delete", "--force", id]);
        else session.kill(end as NodeJS.Signals);
        expect(await session.exited).toBe(end.startsWith("SIG") ? 7 : 137);
        expect(session.localFlags).toBe(before);
        await box.untilGone(id);
      }
    });

    test("new terminal, foreground: the host is left alone when nothing could be started", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        interactive("")(spec);
        spec.process.args = ["/no/such/program"];
      });
      await using session = box.terminal(["run", "--bundle", bundle, box.name()]);
      const before = session.flagsBefore;
      expect(await session.exited).not.toBe(0);
      expect(session.localFlags).toBe(before);
    });

    test("new terminal, foreground: a new size of the host's terminal arrives", async () => {
      await using box = new Sandbox(subject);
      const script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done";
      await using session = box.terminal(["run", "--bundle", box.bundle(interactive(script)), box.name()]);
      await shows(session, "ready");
      session.resize(120, 40);
      await shows(session, "40 120");
      expect(await session.exited).toBe(0);
    });

    test("new terminal, foreground: ^C interrupts the container's process, not the runtime", async () => {
      await using box = new Sandbox(subject);
      const script = "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done";
      await using session = box.terminal(["run", "--bundle", box.bundle(interactive(script)), box.name()]);
      await shows(session, "ready");
      session.write("\x03");
      expect(await session.exited).toBe(5);
      await shows(session, "interrupted");
    });

    test("new terminal, foreground: a megabyte of output arrives whole", async () => {
      await using box = new Sandbox(subject);
      const script =
        "stty -opost; i=0; while [ $i -lt 16 ]; do head -c 65536 /dev/zero | tr '\\0' x; i=$((i+1)); done";
      await using session = box.terminal(["run", "--bundle", box.bundle(interactive(script)), box.name()]);
      expect(await session.exited).toBe(0);
      await until("all output", () => session.text().length >= 16 * 65536);
      expect(session.text()).toMatch(/^x+$/);
    });

    test("new terminal, detached: the master comes over --console-socket", async () => {
      await using box = new Sandbox(subject);
      const path = `${box.dir}/console`;
      using receiver = new FdReceiver(path);
      const id = box.name();
      const bundle = box.bundle(interactive("tty; read line; echo got $line"));
      await box.ok(["create", "--bundle", bundle, "--console-socket", path, id]);
      using master = new Master(await receiver.receive());
      await box.ok(["start", id]);
      await shows(master, "/dev/pts/0\r\n");
      master.write("over there\n");
      await shows(master, "got over there");
      await box.untilStatus(id, "stopped");
    });

    test("pass-through, foreground: the container has the host's terminal as its stdio", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = [
          "/bin/sh",
          "-c",
          "test -t 0 && test -t 1 && echo terminal; read l; echo got $l; exit 6",
        ];
      });
      await using session = box.terminal(["run", "--bundle", bundle, box.name()]);
      await shows(session, "terminal");
      expect(session.localFlags & ICANON).toBe(ICANON);
      session.write("line\r");
      await shows(session, "got line");
      expect(await session.exited).toBe(6);
    });

    test("pass-through, detached: stdio is what the caller gave", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "test -t 1 || echo no terminal; sleep 0.2; echo later"];
      });
      const run = box.spawn(["run", "--detach", "--bundle", bundle, id]);
      expect((await run.done).code).toBe(0);
      await until("the later line", () => run.stdout() === "no terminal\nlater\n");
    });

    test("a detached container with a terminal needs --console-socket, one without must not have it", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle(interactive("true"));
      const id = box.name();
      expect((await box.call(["create", "--bundle", bundle, id])).code).toBe(1);
      expect(box.leftovers(id)).toEqual([]);
      const socket = ["--console-socket", `${box.dir}/none`];
      expect((await box.call(["create", "--bundle", bundle, ...socket, id])).code).toBe(1);
      expect(box.leftovers(id)).toEqual([]);
      if (subject.runtime !== "crun") {
        expect((await box.call(["create", "--bundle", box.bundle(), ...socket, id])).code).toBe(1);
        expect(box.leftovers(id)).toEqual([]);
      }
    });

    test("exec -t: a terminal of its own in a running container", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      await using session = box.terminal(["exec", "-t", id, "/bin/sh"], 70, 20);
      session.write("tty; stty size; exit 9\r");
      await shows(session, "/dev/pts/0");
      await shows(session, "20 70");
      expect(await session.exited).toBe(9);
    });

    test("exec -t -d: the master comes over --console-socket", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const path = `${box.dir}/console`;
      using receiver = new FdReceiver(path);
      await box.ok([
        "exec",
        "-t",
        "-d",
        "--console-socket",
        path,
        id,
        "/bin/sh",
        "-c",
        "tty; read l; echo got $l",
      ]);
      using master = new Master(await receiver.receive());
      await shows(master, "/dev/pts/0");
      master.write("there\n");
      await shows(master, "got there");
    });

    test.skipIf(!installed("tmux"))("a session under tmux: typing, full screen, resizing", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle(interactive("PS1='in> ' exec sh"));
      const socket = `${box.dir}/tmux`;
      const tmux = (...args: string[]): string => host("tmux", "-f", "/dev/null", "-S", socket, ...args);
      const pane = (): string => tmux("capture-pane", "-p", "-t", "s");
      const untilPane = (what: string, shown: RegExp): Promise<true> =>
        until(what, () => shown.test(pane()) || undefined).catch((error: Error) => {
          throw new Error(`${error.message}; the pane: ${pane()}`);
        });
      const command = box.argv(["run", "--bundle", bundle, box.name()]);
      const env = Object.entries(box.env).map(([name, value]) => `${name}=${value}`);
      // The pane outlives the runtime, so that it can be read to the end.
      const shell = ["sh", "-c", '"$@"; echo "status $?"; exec sleep 1000', "sh", ...command];
      const session = ["-d", "-s", "s", "-x", "90", "-y", "30"];
      tmux("new-session", ...session, "env", "-i", "PATH=/usr/bin:/bin", "TERM=screen", ...env, ...shell);
      try {
        await untilPane("a prompt", /^in>/m);
        tmux("send-keys", "-t", "s", "stty size; tty", "Enter");
        // The status line takes one row.
        await untilPane("the size", /^(29|30) 90\n\/dev\/pts\/0$/m);
        tmux("send-keys", "-t", "s", "vi /etc/passwd", "Enter");
        await untilPane("the editor", /^root:x:0:0/);
        tmux("send-keys", "-t", "s", ":q", "Enter");
        tmux("resize-window", "-t", "s", "-x", "70", "-y", "20");
        const loop = "clear; while ! stty size | grep 70; do sleep 0.05; done";
        tmux("send-keys", "-t", "s", loop, "Enter");
        await untilPane("the new size", /^(19|20) 70$/m);
        tmux("send-keys", "-t", "s", "exit 3", "Enter");
        await untilPane("the end", /status 3/);
      } finally {
        tmux("kill-server");
      }
    });

    test("signals to the foreground runtime are forwarded", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        const script =
          'for s in HUP INT TERM USR1 USR2; do trap "echo $s" $s; done; echo ready; while :; do sleep 0.05; done';
        spec.process.args = ["/bin/sh", "-c", script];
      });
      const id = box.name();
      const running = box.spawn(["run", "--bundle", bundle, id]);
      await until("ready", () => running.stdout().includes("ready"));
      for (const name of ["HUP", "INT", "TERM", "USR1", "USR2"] as const) {
        running.kill(`SIG${name}`);
        await until(`SIG${name}`, () => running.stdout().includes(`${name}\n`));
      }
      await box.ok(["kill", id, "KILL"]);
      expect((await running.done).code).toBe(128 + 9);
    });
  });
}
