/** Detached containers without a bundle: their output is kept, and stop, wait, logs, attach and rm do what podman's do. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { shellWords } from "../src/printable.ts";
import { host, installed, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { shows, TerminalSession } from "./support/terminal.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** `run -d --host` of a shell script; returns the id. */
  async function detached(box: Sandbox, script: string, ...flags: string[]): Promise<string> {
    const id = box.name();
    const argv = ["run", "-d", "--host", "--name", id, ...flags, "--", "sh", "-c", script];
    expect(await box.ok(argv)).toBe(`${id}\n`);
    return id;
  }

  /** Where the logs of this caller's containers are. */
  const logsOf = (box: Sandbox): string =>
    caller.uid === 0 ? "/var/lib/brun/logs" : `${box.env.HOME}/.local/state/brun/logs`;

  /** Directories of logs whose container has such a name. */
  function logDirectories(box: Sandbox, id: string): string[] {
    const logs = logsOf(box);
    const all = existsSync(logs) ? readdirSync(logs) : [];
    return all.map((root) => `${logs}/${root}/${id}`).filter((path) => existsSync(path));
  }

  describe(subject.label, () => {
    test("run -d tells that its process in the background was killed", async () => {
      await using box = new Sandbox(subject);
      const fifo = `${box.dir}/fifo`;
      host("mkfifo", fifo);
      const running = box.spawn(["run", "-d", "--host", "--env-file", fifo, "--", "true"]);
      const pidOf = () =>
        readdirSync("/proc").find((pid) => {
          try {
            const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
            return words.includes("--ready-fd=") && words.includes(fifo);
          } catch {
            return false;
          }
        });
      await until("it reads the file", () => pidOf() !== undefined);
      process.kill(Number(pidOf()), "SIGABRT");
      const { code, stdout, stderr } = await running.done;
      expect({ code, stdout }).toEqual({ code: 134, stdout: "" });
      expect(stderr).toContain("brun: the process in the background was ended by a signal: ABRT; hint: ");
    });

    test("logs: both streams, what is no line, bytes as they were; nothing is left by rm", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      for (const form of [["--host"], ["--rootfs", root]]) {
        const id = box.name();
        const script =
          "echo out; sleep 0.1; echo err >&2; printf 'a\\000b\\377\\r'; sleep 0.1; printf ' end'; exit 7";
        await box.ok(["run", "-d", ...form, "--name", id, "--", "sh", "-c", script]);
        expect(await box.ok(["wait", id])).toBe("7\n");
        const { stdout, stderr } = await box.call(["logs", id]);
        // The bytes that are no UTF-8 are read as U+FFFD here.
        expect({ stdout, stderr }).toEqual({ stdout: "out\na\0b\ufffd\r end", stderr: "err\n" });
        const timed = await box.ok(["logs", "-t", id]);
        expect(timed).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out\n\d{4}\S+Z a\0b\ufffd\r end$/);
        const [date] = timed.split(" ");
        expect(Math.abs(Date.parse(date!) - Date.now())).toBeLessThan(60_000);
        expect((await box.inspect(id)).status).toBe("stopped");
        expect(logDirectories(box, id)).toHaveLength(1);
        expect(await box.ok(["rm", id])).toBe(`${id}\n`);
        expect(logDirectories(box, id)).toEqual([]);
        expect(box.known(id)).toBe(false);
      }
    });

    test("logs: --tail, --since, a container that is still running, and --follow to its end", async () => {
      await using box = new Sandbox(subject);
      const script = "for i in 1 2 3 4 5; do echo line $i; done; read go; echo last; printf part";
      const id = await detached(box, script, "-i");
      await until("five lines", async () => (await box.ok(["logs", id])).includes("line 5"));
      expect(await box.ok(["logs", "--tail", "2", id])).toBe("line 4\nline 5\n");
      expect(await box.ok(["logs", "--tail", "0", id])).toBe("");
      expect(await box.ok(["logs", "--since", "1h", id])).toStartWith("line 1\n");
      expect(await box.ok(["logs", "--since", "2099-01-01", id])).toBe("");
      const following = box.spawn(["logs", "--follow", "--tail", "1", id]);
      await until("what was there", () => following.stdout() === "line 5\n");
      expect((await box.call(["attach", id], { stdin: "go\n" })).stdout).toBe("last\npart");
      expect(await following.done).toMatchObject({ code: 0, stdout: "line 5\nlast\npart" });
      expect(await box.ok(["logs", "--tail", "2", id])).toBe("last\npart");
      expect((await box.call(["logs", "--tail", "x", id])).stderr).toContain("no number of lines");
    });

    test("the log is bounded: the older half goes, and a follower misses nothing", async () => {
      await using box = new Sandbox(subject);
      const script = "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done";
      const id = await detached(box, `read go; ${script}`, "-i", "--log-opt", "max-size=256k");
      const following = box.spawn(["logs", "-f", id]);
      await box.ok(["attach", id], { stdin: "go\n" });
      const numbers = (text: string) => text.trimEnd().split("\n").map(Number);
      expect(numbers((await following.done).stdout).at(-1)).toBe(19999);
      // The first may be the end of a line that has gone.
      const kept = numbers(await box.ok(["logs", id])).slice(1);
      expect(kept.at(-1)).toBe(19999);
      expect(kept.length).toBeGreaterThan(2000);
      expect(kept.length).toBeLessThan(10000);
      expect(kept).toEqual(kept.map((_, i) => kept[0]! + i));
      for (const wrong of ["max-size=1", "max-size=9g", "max-size=x", "size=1m"]) {
        const argv = ["run", "-d", "--host", "--log-opt", wrong, "--", "true"];
        expect((await box.call(argv)).stderr).toContain("--log-opt: ");
      }
    });

    test("on a terminal what acts on it is shown, colours stay; in a pipe it is as it was", async () => {
      await using box = new Sandbox(subject);
      const script =
        "printf '\\033[31mred\\033[0m \\033]0;title\\007 \\303'; sleep 0.2; printf '\\251\\033[2J\\n'";
      const id = await detached(box, script);
      await box.ok(["wait", id]);
      expect(await box.ok(["logs", id])).toBe("\x1b[31mred\x1b[0m \x1b]0;title\x07 é\x1b[2J\n");
      await using session = box.terminal(["logs", id]);
      expect(await session.exited).toBe(0);
      await shows(session, "\x1b[31mred\x1b[0m \\u001b]0;title\\u0007 é\\u001b[2J\r\n\x1b[0m");
    });

    test("wait: while it runs and when it has ended, by whatever; several", async () => {
      await using box = new Sandbox(subject);
      const one = await detached(box, "read go; exit 3", "-i");
      const two = await detached(box, "kill -ABRT $$");
      const waiting = box.spawn(["wait", one, two]);
      await box.call(["attach", one], { stdin: "go\n" });
      expect(await waiting.done).toMatchObject({ code: 0, stdout: "3\n134\n" });
      expect(await box.ok(["wait", two, one])).toBe("134\n3\n");
      const removed = await detached(box, "read go; exit 9", "-i", "--rm");
      const last = box.spawn(["wait", removed]);
      await Bun.sleep(100);
      await box.call(["attach", removed], { stdin: "go\n" });
      expect(await last.done).toMatchObject({ code: 0, stdout: "9\n" });
      await until("it is removed", () => !box.known(removed) && logDirectories(box, removed).length === 0);
      const some = await box.call(["wait", "nosuch", one]);
      expect(some).toMatchObject({ code: 1, stdout: "3\n" });
      expect(some.stderr).toContain('"nosuch"');
    });

    test("stop: the signal, then SIGKILL; of bundles, too; ended ones are no error, paused ones are", async () => {
      await using box = new Sandbox(subject);
      const soft = await detached(box, "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done");
      const hard = await detached(box, "trap '' TERM; echo up; while :; do sleep 1; done");
      for (const id of [soft, hard])
        await until("it runs", async () => (await box.ok(["logs", id])).includes("up"));
      const started = performance.now();
      expect(await box.ok(["stop", "-t", "0.3", soft, hard])).toBe(`${soft}\n${hard}\n`);
      expect(performance.now() - started).toBeLessThan(8000);
      expect(await box.ok(["wait", soft, hard])).toBe("5\n137\n");
      expect(await box.ok(["logs", soft])).toBe("up\nbye\n");
      expect(await box.ok(["stop", soft])).toBe(`${soft}\n`);
      const bundle = await box.detached((spec) => {
        spec.process.args = ["/bin/sh", "-c", "trap 'exit 1' USR1; while :; do sleep 0.05; done"];
      });
      await Bun.sleep(100);
      await box.ok(["stop", "--signal", "USR1", bundle]);
      expect((await box.inspect(bundle)).status).toBe("stopped");
      expect(await box.ok(["rm", "-f", soft, hard, bundle])).toBe(`${soft}\n${hard}\n${bundle}\n`);
    });

    test("attach: ctrl-p,ctrl-q leaves, the size arrives, the exit code is the container's", async () => {
      await using box = new Sandbox(subject);
      const script =
        "stty -echo; while read line; do case $line in size) stty size;; end) exit 6;; *) echo got $line;; esac; done";
      const id = await detached(box, script, "-it");
      {
        await using session = box.terminal(["attach", id], 93, 31);
        const before = session.flagsBefore;
        await until("raw mode", () => session.localFlags !== before);
        session.write("hello\rsize\r");
        await shows(session, "got hello\r\n31 93\r\n");
        session.resize(70, 20);
        await Bun.sleep(100);
        session.write("size\r");
        await shows(session, "20 70\r\n");
        session.write("\x10\x11");
        expect(await session.exited).toBe(0);
        expect(session.localFlags).toBe(before);
      }
      expect((await box.inspect(id)).status).toBe("running");
      await using again = box.terminal(["attach", "--detach-keys", "ctrl-x,q", id]);
      await Bun.sleep(200);
      again.write("\x18\x18z\rend\r");
      expect(await again.exited).toBe(6);
      expect(again.text()).toBe("got \x18\x18z\r\n");
      expect(await box.ok(["logs", id])).toBe("got hello\r\n31 93\r\n20 70\r\ngot \x18\x18z\r\n");
      expect(await box.call(["attach", id])).toMatchObject({
        code: 1,
        stderr: `brun: container ${id} has ended; hint: \`brun logs ${id}\` shows what it has written\n`,
      });
    });

    test("attach: Ctrl-Z suspends it and not the container, fg goes on; a terminal of its own gets the key", async () => {
      await using box = new Sandbox(subject);
      const script = "echo up; while read -r line; do echo got $line; done; exit 5";
      const id = await detached(box, script, "-i");
      const own = await detached(box, `trap 'echo "got the key"; exit 3' TSTP; ${script}`, "-it");
      const shell = [...caller.prefix, "bash", "--noediting", "--norc", "--noprofile", "-i"];
      await using session = new TerminalSession(shell, { ...box.env, PS1: "outside> " }, box.dir);
      await shows(session, "outside> ");
      const attach = (name: string) => box.argv(["attach", name]).slice(caller.prefix.length);
      /** Types, and waits for what comes after it. */
      const type = async (keys: string, wanted: string | RegExp) => {
        const from = session.text().length;
        session.write(keys);
        await shows({ text: () => session.text().slice(from), write: () => {} }, wanted);
      };
      session.write(`${shellWords(attach(id))}\r`);
      await type("one\r", "got one\r\n");
      await type("\x1a", /Stopped.*outside> /s);
      await box.untilStatus(id, "running");
      await type("echo $?\r", "148\r\n");
      await type("fg\r", /attach/);
      await type("two\r", "got two\r\n");
      await type("\x04", /outside> /);
      await type("echo code $?\r", "code 5\r\n");
      session.write(`${shellWords(attach(own))}\r`);
      await type("up?\r", "got up?\r\n");
      await type("\x1a", /got the key\r\n.*outside> /s);
      await type("echo code $?\r", "code 3\r\n");
    });

    test("attach: signals go to the container, or with --sig-proxy=false to nobody else", async () => {
      await using box = new Sandbox(subject);
      const id = await detached(
        box,
        "trap 'echo usr1' USR1; trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.05; done",
      );
      await until("it runs", async () => (await box.ok(["logs", id])).includes("up"));
      const alone = box.spawn(["attach", "--sig-proxy=false", id]);
      const both = box.spawn(["attach", id]);
      await Bun.sleep(300);
      alone.kill("SIGTERM");
      expect((await alone.done).signal).toBe("SIGTERM");
      both.kill("SIGUSR1");
      await until("its trap", () => both.stdout() === "usr1\n");
      both.kill("SIGTERM");
      expect(await both.done).toMatchObject({ code: 4, stdout: "usr1\nbye\n" });
    });

    test("attach: much input and output arrives whole; nothing is lost where nobody is attached", async () => {
      await using box = new Sandbox(subject);
      const id = await detached(box, "wc -c; echo on stderr >&2", "-i");
      const words = "x".repeat(3_000_000);
      expect(await box.call(["attach", id], { stdin: words })).toMatchObject({
        code: 0,
        stdout: "3000000\n",
        stderr: "on stderr\n",
      });
    });

    test.skipIf(!installed("strace"))(
      "delete --force while the container's own clean-up is at work: what goes meanwhile is no failure",
      async () => {
        await using box = new Sandbox(subject);
        // The clean-up has removed the state; what there is of the output comes next.
        const directory = ownedDir(caller, `${ownedDir(caller, box.state)}/web`);
        for (const name of ["exit", "plans"]) box.file(`state/web/${name}`, "");
        const call = [
          `--trace-path=${directory}/notify/notify.sock`,
          "--inject=unlinkat:delay_enter=1500000",
        ];
        const around = ["strace", "-f", "-o", `${box.dir}/trace`, ...call];
        const deleting = box.spawn(["delete", "--force", "web"], { around });
        await until("delete is at work", () => !existsSync(`${directory}/plans`));
        // It finds that the directory is not empty, and stops before it looks what is in it.
        await Bun.sleep(200);
        rmSync(directory, { recursive: true });
        expect(await deleting.done).toMatchObject({ code: 0, stdout: "", stderr: "" });
      },
    );

    test("what has no kept output says so", async () => {
      await using box = new Sandbox(subject);
      const bundle = await box.detached();
      for (const [command, said] of [
        ["logs", `the output of container ${bundle} is not kept`],
        ["attach", "there is nothing to attach to"],
        ["wait", `the exit code of container ${bundle} goes to whoever made it`],
      ] as const) {
        const { code, stderr } = await box.call([command, bundle]);
        expect({ command, code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(said) });
        expect((await box.call([command, "nosuch"])).stderr).toContain("does not exist");
      }
    });

    test("the supervisor is small, and ends the container with it; its exit code is then not known", async () => {
      await using box = new Sandbox(subject);
      const id = await detached(box, "echo up; sleep 1000");
      const { pid } = await box.inspect(id);
      const supervisor = Number(host("ps", "-o", "ppid=", "-p", `${pid}`).trim());
      const size = () => readFileSync(`/proc/${supervisor}/smaps_rollup`, "utf8");
      // The program may run before Bun has become the supervisor.
      await until("it has less than 100 kB", () => Number(/^Pss: +(\d+) kB$/m.exec(size())?.[1]) < 100);
      process.kill(supervisor, "SIGKILL");
      await box.untilStatus(id, "stopped");
      expect((await box.call(["wait", id])).stderr).toContain("its exit code is not known");
      expect(await box.ok(["logs", "-f", id])).toBe("up\n");
      await box.ok(["rm", id]);
    });

    test("logs of containers that went with a restart go with the next one", async () => {
      await using box = new Sandbox(subject);
      const lost = box.name();
      const argv = ["run", "-d", "--host", "--name", lost, "--", "true"];
      await box.ok(argv, { globals: ["--cgroup-manager=disabled"] });
      await box.ok(["wait", lost]);
      host("rm", "-r", `${box.state}/${lost}`);
      expect(logDirectories(box, lost)).toHaveLength(1);
      const next = await detached(box, "true");
      await until("it has gone", () => logDirectories(box, lost).length === 0);
      expect(logDirectories(box, next)).toHaveLength(1);
    });

    test("without a home that can be written to the log is beside the state", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const argv = ["run", "-d", "--host", "--name", id, "--", "echo", "out"];
      const nowhere = { HOME: "/", XDG_STATE_HOME: caller.uid === 0 ? "" : "/proc/nowhere" };
      await box.ok(argv, { env: nowhere });
      await box.ok(["wait", id]);
      if (caller.uid !== 0) expect(existsSync(`${box.state}/@logs/${id}/log`)).toBe(true);
      expect(await box.ok(["logs", id])).toBe("out\n");
      await box.ok(["rm", id]);
      expect(box.containers()).toEqual([]);
    });

    test("ls, info and version are list, doctor and --version", async () => {
      await using box = new Sandbox(subject);
      await box.detached();
      expect(await box.ok(["ls"])).toBe(await box.ok(["list"]));
      expect(await box.ok(["ls", "-q"])).toBe(await box.ok(["list", "-q"]));
      expect(await box.ok(["version"])).toBe(await box.ok(["--version"]));
      const [info, doctor] = [await box.call(["info", "--json"]), await box.call(["doctor", "--json"])];
      // Other tests write to the disk meanwhile.
      const steady = (text: string) => text.replaceAll(/[\d.]+ [GM]B free/g, "some room");
      expect(steady(info.stdout)).toBe(steady(doctor.stdout));
    });
  });
}
