/**
 * Processes that are to outlive their container, where it has neither a pid namespace nor a cgroup of its own: they have left
 * the first process's descendants, and make more of themselves.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { killHard, until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import type { TestSpec } from "../support/spec.ts";
import { without } from "../support/without.ts";
import { tries } from "./support.ts";

/** Pids of the programs with this word in their command line. */
function running(word: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
      } catch {
        return false;
      }
    });
}

let count = 0;

/** A duration in seconds for sleep(1), by which its process is found. */
function mark(): string {
  count += 1;
  return `${100000 + process.pid * 10 + count}`;
}

/** Leaves a process whose parent has ended, in a session of its own, and goes on with `rest`. */
const leave = (seconds: string, rest: string): string =>
  `setsid sh -c 'setsid sleep ${seconds} </dev/null >/dev/null 2>&1 &'; sleep 0.2; ${rest}`;

/** Processes that are not to be overtaken. */
const HOSTILE: [string, (seconds: string) => string][] = [
  ["that fork", (n) => `f() { [ $1 = 0 ] || { f $(($1 - 1)) & f $(($1 - 1)) & }; exec sleep ${n}; }; f 6`],
  [
    "that wake each other",
    (n) =>
      `: ${n}; a=$$; (while :; do kill -CONT $a; done) & b=$!; (while :; do kill -CONT $a $b; done) &
       while :; do kill -CONT $b; done`,
  ],
  ["without end", (n) => `f() { (exec sleep ${n} & f & f); }; f & exec sleep ${n}`],
];

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const flags = caller.name === "root" ? ["--cgroup-manager=disabled"] : [];

  /** Ways to be without a pid namespace, and the flags of `run` for them. */
  const ways: [string, string[], (spec: TestSpec) => void][] = [
    [
      "the host's pid namespace",
      [],
      (spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
        spec.mounts = spec.mounts.map((mount) =>
          mount.type === "proc"
            ? { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] }
            : mount,
        );
      },
    ],
  ];
  ways.push(["the outer /proc", ["--proc=bind"], () => undefined]);

  describe.each(ways)(`${subject.label}, %s`, (_name, more, edit) => {
    const bundleOf = (box: Sandbox, script: string): string =>
      box.bundle((spec) => {
        edit(spec);
        spec.process.args = ["/bin/sh", "-c", script];
      });
    const call = (box: Sandbox, ...args: string[]) => box.call(args, { globals: flags });

    /** A detached container with a process that has left its first one. */
    async function started(box: Sandbox, rest: string) {
      const [id, seconds] = [box.name(), mark()];
      const bundle = bundleOf(box, leave(seconds, rest));
      const { code, stderr } = await call(box, "run", "-d", ...more, "--bundle", bundle, id);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      await until("the process that is left", () => running(`sleep\0${seconds}`).length > 0);
      return { id, seconds, left: () => running(`sleep\0${seconds}`) };
    }

    test("kill ends all, and nothing else", async () => {
      await using box = new Sandbox(subject);
      const other = await started(box, "exec sleep 1000");
      const { id, left } = await started(box, "exec sleep 1000");
      expect(await call(box, "kill", id, "KILL")).toMatchObject({ code: 0, stderr: "" });
      await until("the end of all", () => left().length === 0);
      expect(other.left()).toHaveLength(1);
      expect(await call(box, "delete", id)).toMatchObject({ code: 0, stderr: "" });
      expect(other.left()).toHaveLength(1);
      expect(await call(box, "delete", "--force", other.id)).toMatchObject({ code: 0, stderr: "" });
      expect(other.left()).toEqual([]);
    });

    test("ps shows them, and kill --all reaches them", async () => {
      await using box = new Sandbox(subject);
      const { id, left } = await started(box, "exec sleep 1000");
      const { stdout } = await call(box, "ps", "--format", "json", id);
      expect(JSON.parse(stdout)).toContain(left()[0]);
      expect(await call(box, "kill", "--all", id, "TERM")).toMatchObject({ code: 0, stderr: "" });
      await until("the end of all", () => left().length === 0);
    });

    test("delete ends what a container has left that has ended by itself", async () => {
      await using box = new Sandbox(subject);
      const { id, left } = await started(box, "exit 0");
      await box.untilStatus(id, "stopped");
      expect(await call(box, "delete", id)).toMatchObject({ code: 0, stderr: "" });
      expect(left()).toEqual([]);
    });

    test("the end of a run in the foreground is that of all", async () => {
      await using box = new Sandbox(subject);
      const seconds = mark();
      const bundle = bundleOf(box, leave(seconds, "echo left; exit 3"));
      for (let round = 0; round < 2; round++) {
        const { code, stdout } = await call(box, "run", ...more, "--bundle", bundle, box.name());
        expect({ code, stdout }).toEqual({ code: 3, stdout: "left\n" });
        expect(running(`sleep\0${seconds}`)).toEqual([]);
      }
      expect(box.containers()).toEqual([]);
    });

    test("with --keep as well, and the state stays", async () => {
      await using box = new Sandbox(subject);
      const [id, seconds] = [box.name(), mark()];
      const bundle = bundleOf(box, leave(seconds, "exit 3"));
      expect((await call(box, "run", "--keep", ...more, "--bundle", bundle, id)).code).toBe(3);
      expect(running(`sleep\0${seconds}`)).toEqual([]);
      expect(box.containers()).toEqual([id]);
    });

    test("poststop hooks run after the end of all", async () => {
      await using box = new Sandbox(subject);
      const seconds = mark();
      const seen = `${box.dir}/seen`;
      const hook = box.file(
        "hook",
        `#!/bin/sh\npgrep -c -f 'sleep ${seconds}' >${box.dir}/run/seen; cp ${box.dir}/run/seen ${seen}; true\n`,
        0o755,
      );
      const bundle = box.bundle((spec) => {
        edit(spec);
        spec.hooks = { poststop: [{ path: hook, env: ["PATH=/usr/bin:/bin"] }] };
        spec.process.args = ["/bin/sh", "-c", leave(seconds, "exit 0")];
      });
      expect((await call(box, "run", ...more, "--bundle", bundle, box.name())).code).toBe(0);
      expect(readFileSync(`${box.dir}/run/seen`, "utf8")).toBe("0\n");
    });

    // Root has no limit of processes.
    const hostile = caller.name === "root" ? HOSTILE.slice(0, -1) : HOSTILE;
    test.each(hostile)("processes %s lose", async (_what, script) => {
      await using box = new Sandbox(subject);
      for (let i = 0; i < tries(1, 10); i++) {
        const [id, seconds] = [box.name(), mark()];
        const bundle = box.bundle((spec) => {
          edit(spec);
          // A user namespace counts its own.
          spec.process.rlimits!.push({ type: "RLIMIT_NPROC", hard: 100, soft: 100 });
          spec.process.args = ["/bin/sh", "-c", script(seconds)];
        });
        expect((await call(box, "run", "-d", ...more, "--bundle", bundle, id)).code).toBe(0);
        await until("some processes", () => running(seconds).length > 2);
        expect(await call(box, "delete", "--force", id)).toMatchObject({ code: 0, stderr: "" });
        expect(running(seconds)).toEqual([]);
      }
    });
  });

  describe(subject.label, () => {
    test("before Linux 6.18 all that ends while brun can tell the namespace from a later one", async () => {
      await using box = new Sandbox(subject);
      const argument = { index: 1, mask: 0xffffffff, value: 0x8008b70d }; // NS_GET_ID
      const around = without([{ call: "ioctl", errno: 25, argument }]);
      const call = (...args: string[]) => box.call(args, { globals: flags, around });
      const seconds = mark();
      const bundle = (rest: string) =>
        box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", leave(seconds, rest)];
        });
      const run = ["run", "--proc=bind", "--bundle"];
      expect((await call(...run, bundle("exit 3"), box.name())).code).toBe(3);
      expect(running(`sleep\0${seconds}`)).toEqual([]);
      for (const kills of [true, false]) {
        const id = box.name();
        expect((await call(...run, bundle("exec sleep 1000"), "--detach", id)).code).toBe(0);
        await until("the process that is left", () => running(`sleep\0${seconds}`).length > 0);
        const words = kills ? ["kill", id, "KILL"] : ["delete", "--force", id];
        expect(await call(...words)).toMatchObject({ code: 0, stderr: "" });
        expect(running(`sleep\0${seconds}`)).toEqual([]);
      }
      // Its namespace may be another one's by now: nobody is killed for it.
      const id = box.name();
      expect((await call(...run, bundle("exit 0"), "--detach", id)).code).toBe(0);
      await box.untilStatus(id, "stopped");
      expect(await call("delete", id)).toMatchObject({ code: 0, stderr: "" });
      for (const pid of running(`sleep\0${seconds}`)) killHard(pid);
    });

    test.each([["--host"], ["--rootfs"]])("run %s with the outer /proc leaves nothing", async (kind) => {
      await using box = new Sandbox(subject);
      const seconds = mark();
      const where = kind === "--host" ? ["--host"] : ["--rootfs", `${box.bundle()}/rootfs`];
      const args = ["run", ...where, "--proc=bind", "--", "sh", "-c", leave(seconds, "exit 3")];
      const { code } = await box.call(args, { globals: flags });
      expect(code).toBe(3);
      expect(running(`sleep\0${seconds}`)).toEqual([]);
    });

    test("an init that is killed takes its program with it", async () => {
      await using box = new Sandbox(subject);
      const seconds = mark();
      const rootfs = `${box.bundle()}/rootfs`;
      const run = box.spawn(
        ["run", "--rootfs", rootfs, "--proc=bind", "--die-with-parent", "--", "sleep", seconds],
        {
          globals: flags,
        },
      );
      await until("the program", () => running(`sleep\0${seconds}`).length > 0);
      run.kill("SIGKILL");
      await run.done;
      await until("its end", () => running(`sleep\0${seconds}`).length === 0).finally(() => {
        for (const pid of running(`sleep\0${seconds}`)) killHard(pid);
      });
    });
  });
}
