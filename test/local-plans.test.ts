/**
 * Commands that the front does without Bun, by plans that were compiled when the container was made: they do what
 * Bun does for the same command line, and whatever is not as usual is left to Bun.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { layout } from "../src/plan/layout.ts";
import { damages, impostors } from "./support/cached.ts";
import { isRoot, ownedDir } from "./support/caller.ts";
import { BY_BUN, call, created, front, HAS_FRONT, REPORT } from "./support/front.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";
import { shows } from "./support/terminal.ts";

/** Of a file of plans, that are turned one after the other. */
const BITS = Number(process.env.BRUN_PLAN_BITS ?? 8);

/** Bytes of a file of plans with the checksum that they ought to have. */
function summed(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(
    Bun.hash.xxHash32(bytes.subarray(layout("planHeader").parts)),
    layout("planHeader").checksum,
  );
  return bytes;
}

async function running(box: Sandbox, edit: (spec: TestSpec) => void = () => undefined): Promise<string> {
  const id = await created(box, edit);
  expect((await front(box, ["start", id])).code).toBe(0);
  return id;
}

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("state, at every status, is what Bun prints", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box, (spec) => {
        spec.annotations = { "org.example.note": 'größe "x"' };
      });
      const same = async (status: string) => {
        const { stdout, code } = await front(box, ["state", id]);
        expect(code).toBe(0);
        expect(JSON.parse(stdout).status).toBe(status);
        expect(stdout).toBe(await box.ok(["state", id], BY_BUN));
      };
      await same("created");
      await front(box, ["start", id]);
      await same("running");
      await front(box, ["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      await same("stopped");
      await front(box, ["delete", id]);
      expect(box.known(id)).toBe(false);
    });

    test("state of any length, to a pipe that its reader empties slowly", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box, (spec) => {
        spec.annotations = { "org.example.long": "x".repeat(300_000) };
      });
      const { stdout } = await front(box, ["state", id]);
      expect(stdout).toBe(await box.ok(["state", id], BY_BUN));
      const argv = box.argv(["state", id], {});
      const child = Bun.spawn(["sh", "-c", '"$@" | { sleep 0.2; wc -c; }', "sh", ...argv], { env: box.env });
      expect(Number(await new Response(child.stdout).text())).toBe(Buffer.byteLength(stdout));
    });

    test.if(HAS_FRONT)("--debug and --timing say why the fast path has left a command to Bun", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => {
        spec.hooks = { poststop: [{ path: "/bin/true" }] };
      });
      const reason = async (args: readonly string[], options: CallOptions = {}) =>
        /fast path left: (.*)/.exec((await box.call(args, { globals: ["--debug"], ...options })).stderr)?.[1];
      const shown = "it would have been done by a plan, but is to be shown";
      expect(await reason(["state", id])).toBe(shown);
      expect(await reason(["exec", id, "true"], { globals: [], env: { BRUN_TIMING: "1" } })).toBe(shown);
      expect(await reason(["state", id], { env: { BRUN_FRONT: "off" } })).toBe("BRUN_FRONT=off");
      expect(await reason(["ps", id])).toBe("a command, a flag, an argument or a variable is not for it");
      expect(await reason(["delete", "--force", id])).toBe("the command takes more than a plan");
    });

    test("delete of a container that waits for start, and kill where pids are shared", async () => {
      await using box = new Sandbox(subject);
      const waiting = await created(box);
      await front(box, ["delete", waiting]);
      expect(box.known(waiting)).toBe(false);
      const id = await running(box, (spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
        spec.mounts = spec.mounts.filter(({ type }) => type !== "proc");
      });
      expect((await call(box, ["delete", id])).stderr).toContain(
        `cannot delete container ${id} that is not stopped`,
      );
      expect((await front(box, ["kill", id, "CONT"])).code).toBe(0);
      // SIGKILL is for all of its processes, which takes a look at all processes.
      const killed = await call(box, ["kill", id, "KILL"]);
      expect([killed.bun, killed.code]).toEqual([true, 0]);
      await box.untilStatus(id, "stopped");
    });

    test("global flags before the command, as clients give them", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box);
      const log = `${box.dir}/log.json`;
      const globals = ["--log", log, "--log-format=json", "--systemd-cgroup"];
      await front(box, ["start", id], { globals });
      expect(readFileSync(log, "utf8")).toBe("");
      await front(box, ["kill", id, "15"], { globals: [`--log=${log}`, "--log-format", "json"] });
      await front(box, ["delete", "--force", id], { globals });
      expect(box.known(id)).toBe(false);
    });

    test.each(["TERM", "SIGTERM", "15", "USR2", "SIGUSR1", "12"])("kill %s", async (word) => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => {
        const traps = ["TERM", "USR1", "USR2"].map((name) => `trap 'echo ${name} > /got' ${name}`).join("; ");
        spec.process.args = ["/bin/sh", "-c", `${traps}; touch /ready; while :; do sleep 0.02; done`];
      });
      const file = async (name: string) => (await box.exec(id, `cat /${name}`)).stdout.trim();
      await until("/ready inside", async () => (await box.exec(id, "test -e /ready")).code === 0);
      expect((await front(box, ["kill", id, word])).code).toBe(0);
      await until("the signal has arrived", async () => (await file("got")) !== "");
      const names: Record<string, string> = { "15": "TERM", "12": "USR2" };
      expect(await file("got")).toBe(names[word] ?? word.replace("SIG", ""));
    });

    test("exec: words, output, input, exit codes and signals", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const words = ["a b", "", "'\"$x", "é"];
      const echo = await front(box, ["exec", id, "sh", "-c", 'printf "%s\\n" "$@"', "sh", ...words]);
      expect(echo.stdout).toBe(`${words.join("\n")}\n`);
      const input = await front(box, ["exec", id, "/bin/cat"], { stdin: "given\n" });
      expect(input.stdout).toBe("given\n");
      expect((await front(box, ["exec", id, "sh", "-c", "exit 7"])).code).toBe(7);
      expect((await front(box, ["exec", id, "sh", "-c", "kill -9 $$"])).code).toBe(137);
    });

    test("exec: a process inside sees what it sees when Bun does it", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const look =
        "id; pwd; env | sort; cat /proc/self/status | grep -E '^(Cap|NoNewPrivs|Seccomp|Sig(Blk|Ign|Cgt)|Umask|Groups)'; " +
        "cat /proc/self/cgroup /proc/self/uid_map /proc/self/oom_score_adj; ls /proc/self/fd | wc -l; " +
        "for ns in /proc/self/ns/*; do readlink $ns; done; ulimit -a; readlink /proc/self/exe";
      const mine = await front(box, ["exec", id, "sh", "-c", look]);
      const bun = await box.call(["exec", id, "sh", "-c", look], BY_BUN);
      expect(mine.code).toBe(0);
      expect(mine.stdout).toBe(bun.stdout);
      expect(mine.stdout).toContain("uid=0");
    });

    test("exec -i, -w and -d", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => {
        spec.process.cwd = "/tmp";
      });
      const pwd = async (...flags: string[]) =>
        (await front(box, ["exec", ...flags, id, "sh", "-c", "pwd; cat"], { stdin: "given\n" })).stdout;
      expect(await pwd("-i")).toBe("/tmp\ngiven\n");
      expect(await pwd("-w", "/etc")).toBe("/etc\ngiven\n");
      expect(await pwd("--workdir=/")).toBe("/\ngiven\n");
      for (const directory of ["/nonesuch", "/etc/passwd"]) {
        const mine = await call(box, ["exec", "-w", directory, id, "true"]);
        const bun = await box.call(["exec", "-w", directory, id, "true"], BY_BUN);
        expect([directory, mine.bun, mine.code]).toEqual([directory, true, 255]);
        expect(mine.stderr).toContain(bun.stderr.trim());
      }
      const detached = await front(box, [
        "exec",
        "-d",
        id,
        "sh",
        "-c",
        "sleep 0.1; echo $PPID > /got; sleep 1000",
      ]);
      expect(detached).toMatchObject({ code: 0, stdout: HAS_FRONT ? "" : expect.any(String) });
      await until("it has run", async () => (await box.exec(id, "cat /got")).stdout === "0\n");
      const none = await call(box, ["exec", "-d", id, "nonesuch"]);
      expect([none.bun, none.code]).toEqual([true, 255]);
    });

    test("exec -t: a terminal of the caller's size, Ctrl-C, the shell's own mode afterwards", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const script =
        "trap 'echo got; exit 9' INT; tty; stty size; stty -echo; echo ready; while :; do sleep 0.02; done";
      for (const [globals, cols] of [
        [[], 91],
        [BY_BUN.globals, 92],
      ] as const) {
        await using session = box.terminal([...globals, "exec", "-it", id, "sh", "-c", script], cols, 33);
        await shows(session, `/dev/pts/0\r\n33 ${cols}\r\nready\r\n`);
        expect(readlinkSync(`/proc/${session.pid}/exe`).includes("memfd")).toBe(!HAS_FRONT || cols === 92);
        session.write("\x03");
        expect(await session.exited).toBe(9);
        expect(session.localFlags).toBe(session.flagsBefore);
      }
      // No "\r" goes to a pipe.
      const look = ["exec", "-t", id, "sh", "-c", "tty; echo end"];
      expect((await front(box, look)).stdout).toMatch(/^\/dev\/pts\/\d+\nend\n$/m);
      expect((await box.call(look, BY_BUN)).stdout).toMatch(/^\/dev\/pts\/\d+\nend\n$/);
    });

    test("exec: HOME is that of the image's passwd as it is now", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const { rootfs } = JSON.parse(await box.ok(["state", id])) as { rootfs: string };
      const home = async (args: readonly string[] = []) =>
        (await call(box, ["exec", ...args, id, "sh", "-c", "echo $HOME"])).stdout.match(/^\/.*$/m)?.[0];
      const before = await home();
      writeFileSync(`${rootfs}/etc/passwd`, "root:x:0:0:root:/elsewhere:/bin/sh\n");
      expect(await home()).toBe("/elsewhere");
      expect(before).not.toBe("/elsewhere");
    });

    test("exec of what cannot be executed is told by Bun", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      for (const word of ["nonesuch", "/etc", "/nonesuch"]) {
        const mine = await call(box, ["exec", id, word]);
        const bun = await box.call(["exec", id, word], BY_BUN);
        expect([word, mine.bun, mine.code]).toEqual([word, true, 255]);
        expect(bun.code).toBe(255);
        expect(mine.stderr).toContain(bun.stderr.trim());
      }
    });

    test("exec: signals to brun reach the process", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const script = "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.02; done";
      const process = box.spawn(["exec", id, "sh", "-c", script]);
      await until("it is ready", () => process.stdout().includes("ready"));
      process.kill("SIGTERM");
      expect((await process.done).code).toBe(3);
      expect(process.stdout()).toContain("got");
    });

    test("exec hands on none of the caller's descriptors", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const fd = openSync("/etc/passwd", "r");
      const list = [
        "exec",
        id,
        "sh",
        "-c",
        "for fd in 0 1 2 3 4 5 6 7 8 9; do readlink /proc/$$/fd/$fd; done",
      ];
      const { stdout } = await front(box, list, { fds: [fd, fd] });
      expect(stdout.trim().split("\n")).toHaveLength(3);
      expect(stdout).not.toContain("passwd");
    });

    test("a container that is paused, has hooks or needs a socket falls back to Bun", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box, (spec) => {
        spec.hooks = { poststart: [{ path: "/bin/true" }], poststop: [{ path: "/bin/true" }] };
      });
      expect((await call(box, ["start", id])).bun).toBe(true);
      expect((await call(box, ["state", id])).bun).toBe(!HAS_FRONT);
      expect((await call(box, ["delete", "--force", id])).bun).toBe(true);
      expect(box.known(id)).toBe(false);
    });

    test.each([
      ["kill", "container not running"],
      ["exec", "cannot exec in a stopped container"],
      ["start", "cannot start a container that has stopped"],
    ])("%s of a container that has stopped is refused by Bun", async (command, text) => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      await front(box, ["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      const words = command === "exec" ? ["exec", id, "true"] : [command, id];
      const { stderr, code, bun } = await call(box, words);
      expect(bun).toBe(true);
      expect(code).not.toBe(0);
      expect(stderr).toContain(text);
    });

    test("state.json stays what says how things are: when it changes, Bun reads it", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const file = `${box.state}/${id}/state.json`;
      const text = readFileSync(file, "utf8");
      await Bun.sleep(20);
      writeFileSync(file, text.replace(/"created":"20../, '"created":"19'));
      const { bun, stdout } = await call(box, ["state", id]);
      expect(bun).toBe(true);
      expect(stdout).toContain('"created": "19');
    });

    test.if(HAS_FRONT)("a process that took the pid over is left alone", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const plans = `${box.state}/${id}/plans`;
      const bytes = readFileSync(plans);
      const { pid } = await box.inspect(id);
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const start = BigInt(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!);
      const [old, other] = [Buffer.alloc(8), Buffer.alloc(8)];
      old.writeBigUInt64LE(start);
      other.writeBigUInt64LE(start + 1n);
      let count = 0;
      for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + 1), count++)
        other.copy(bytes, at);
      expect(count).toBeGreaterThan(4);
      writeFileSync(plans, summed(bytes));
      expect(JSON.parse((await front(box, ["state", id])).stdout).status).toBe("stopped");
      expect((await call(box, ["kill", id, "KILL"])).bun).toBe(true);
      await box.untilStatus(id, "stopped");
    });

    test.if(HAS_FRONT).each(damages(64))("a file of plans that is %s is not used", async (_, damage) => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const plans = `${box.state}/${id}/plans`;
      writeFileSync(plans, damage(readFileSync(plans)));
      const { bun, stdout } = await call(box, ["state", id]);
      expect(bun).toBe(true);
      expect(stdout).toContain('"status": "running"');
      expect((await call(box, ["exec", id, "true"])).code).toBe(0);
      expect((await call(box, ["delete", "--force", id])).code).toBe(0);
      expect(box.known(id)).toBe(false);
    });

    test.if(HAS_FRONT).each(impostors)("%s in the place of a file of plans is not used", async (_, put) => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const plans = `${box.state}/${id}/plans`;
      put(plans, subject.caller);
      // Root reads what nobody may.
      const isRead = subject.caller.uid === 0 && (statSync(plans).mode & 0o777) === 0;
      const { bun, stdout } = await call(box, ["state", id]);
      expect(bun).toBe(!isRead);
      expect(stdout).toContain('"status": "running"');
      expect((await call(box, ["exec", id, "true"])).code).toBe(0);
      expect((await call(box, ["delete", "--force", id])).code).toBe(0);
      expect(box.known(id)).toBe(false);
    });

    test.if(HAS_FRONT)("any bit of a file of plans may be wrong", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const plans = `${box.state}/${id}/plans`;
      const good = readFileSync(plans);
      const bits = Array.from({ length: BITS }, () => Math.floor(8 * good.length * Math.random()));
      for (const bit of bits) {
        const bytes = Buffer.from(good);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(plans, bytes);
        const { bun, code } = await call(box, ["state", id]);
        expect({ bit, bun, code }).toEqual({ bit, bun: true, code: 0 });
      }
      writeFileSync(plans, good);
      await front(box, ["state", id]);
    });

    test.if(HAS_FRONT)("a file of plans that others may write, or that is a link, is not used", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const plans = `${box.state}/${id}/plans`;
      chmodSync(plans, 0o620);
      expect((await call(box, ["state", id])).bun).toBe(true);
      chmodSync(plans, 0o600);
      expect((await call(box, ["state", id])).bun).toBe(!HAS_FRONT);
      const bytes = readFileSync(plans);
      unlinkSync(plans);
      writeFileSync(`${box.dir}/elsewhere`, bytes, { mode: 0o600 });
      if (isRoot) chownSync(`${box.dir}/elsewhere`, subject.caller.uid, subject.caller.gid);
      symlinkSync(`${box.dir}/elsewhere`, plans);
      expect((await call(box, ["state", id])).bun).toBe(true);
    });

    test.skipIf(!isRoot || !HAS_FRONT)("a file of plans of somebody else is not used", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box);
      const plans = `${box.state}/${id}/plans`;
      chownSync(plans, subject.caller.uid === 0 ? 1 : 0, 0);
      expect((await call(box, ["state", id])).bun).toBe(true);
    });

    test.if(HAS_FRONT)("it does not stay when the container goes", async () => {
      await using box = new Sandbox(subject);
      const id = await created(box);
      expect(readFileSync(`${box.state}/${id}/plans`).length).toBeGreaterThan(64);
      await box.ok(["delete", "--force", id], BY_BUN);
      expect(box.known(id)).toBe(false);
    });

    if (subject.caller.uid === 0) return;

    /** Creates, asks and deletes without --root; whether Bun was started each time. */
    async function withoutRoot(box: Sandbox, env: Record<string, string | undefined>, around: string[] = []) {
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
        if (around.length === 0) return;
        spec.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
        spec.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
      });
      const done: boolean[] = [];
      for (const words of [
        ["create", "--bundle", bundle, id],
        ["state", id],
        ["delete", "--force", id],
      ]) {
        const argv = box.argv(words, { around });
        argv.splice(argv.indexOf("--root"), 2);
        const said = openSync(box.file("said", ""), "w");
        const child = Bun.spawn(argv, {
          cwd: "/",
          env: { ...env, ...REPORT },
          stdio: ["ignore", said, said],
        });
        const code = await child.exited;
        expect(code === 0 ? "" : readFileSync(`${box.dir}/said`, "utf8")).toBe("");
        closeSync(said);
        done.push(readFileSync(`${box.dir}/said`, "utf8").includes("into bytecode"));
      }
      return done;
    }

    test("without a runtime directory, too, in /tmp", async () => {
      await using box = new Sandbox(subject);
      const { XDG_RUNTIME_DIR: _, ...env } = box.env;
      expect(await withoutRoot(box, env)).toEqual([true, !HAS_FRONT, !HAS_FRONT]);
    });

    test("as root of a user namespace, too, as rootless podman is", async () => {
      await using box = new Sandbox(subject);
      const env = { ...box.env, XDG_RUNTIME_DIR: ownedDir(subject.caller, `${box.dir}/run`) };
      expect(await withoutRoot(box, env, ["unshare", "-r"])).toEqual([true, !HAS_FRONT, !HAS_FRONT]);
    });
  });
}
