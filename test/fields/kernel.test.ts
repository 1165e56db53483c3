/**
 * System calls that are missing: the kernel is older, or a seccomp filter around brun refuses them. Each of these tests says
 * what brun does without, and what it tells. A kernel answers ENOSYS; a filter answers ENOSYS or EPERM.
 */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import type { SyscallName } from "../../src/sys/syscalls.ts";
import { isRoot, ownedDir } from "../support/caller.ts";
import { HAS_FRONT } from "../support/front.ts";
import { until } from "../support/processes.ts";
import { inPrivateMounts, subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds } from "../support/spec.ts";
import { ENOSYS, EPERM, refusing, without } from "../support/without.ts";

/** What goes on without. */
const FILTERS: [SyscallName[]][] = [
  [["clone3"]],
  [["pidfd_open", "pidfd_send_signal"]],
  [["clone3", "pidfd_open", "pidfd_send_signal"]],
  [["close_range"]],
  [["faccessat2"]],
  [["mount_setattr"]],
  [["keyctl"]],
  [["execveat"]],
  [["openat2"]],
  [["open_tree"]],
  [["move_mount"]],
  [["fsopen", "fsconfig", "fsmount"]],
  // What filters and kernels of 2019 do not know.
  [
    [
      ...([
        "clone3",
        "pidfd_open",
        "pidfd_send_signal",
        "close_range",
        "faccessat2",
        "mount_setattr",
      ] as const),
      ...(["openat2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount"] as const),
    ],
  ],
];

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** Runs brun without the calls. */
  function callWith(box: Sandbox, calls: SyscallName[], args: string[], errno = ENOSYS) {
    const argv = box.argv(args);
    argv.splice(caller.prefix.length, 0, ...without(refusing(calls, errno)));
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, {
      env: box.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  const call = callWith;

  function run(box: Sandbox, calls: SyscallName[], errno = ENOSYS, ids = false) {
    const bundle = box.bundle((spec) => {
      if (ids) mapManyIds(spec, caller);
      delete spec.process.capabilities!.ambient;
      spec.process.args = ["/bin/sh", "-c", "echo pid $$; exit 3"];
    });
    return call(box, calls, ["run", "--bundle", bundle, box.name()], errno);
  }

  describe(subject.label, () => {
    test.each(FILTERS)("runs without %j", async (calls) => {
      await using box = new Sandbox(subject);
      expect(run(box, calls)).toEqual({ code: 3, stdout: "pid 1\n", stderr: "" });
    });

    test.each(FILTERS)("runs with %j refused by EPERM, and doctor says no worse", async (calls) => {
      await using box = new Sandbox(subject);
      if (calls.includes("clone3")) calls = calls.filter((name) => name !== "clone3");
      expect(run(box, calls, EPERM)).toEqual({ code: 3, stdout: "pid 1\n", stderr: "" });
      expect(call(box, calls, ["doctor"], EPERM).code).toBeLessThan(2);
    });

    test.if(HAS_FRONT).each([["clone3"], ["statx"], ["memfd_create"]] as [SyscallName][])(
      "what Bun cannot do without is one line: %s",
      async (name) => {
        await using box = new Sandbox(subject);
        for (const { code, stdout, stderr } of [
          run(box, [name], EPERM),
          call(box, [name], ["doctor"], EPERM),
        ]) {
          expect([code, stdout]).toEqual([1, ""]);
          expect(stderr).toMatch(
            new RegExp(`^brun: the seccomp filter around brun refuses ${name}, [^\n]*\n$`),
          );
        }
        await box.untilGone();
      },
    );

    test("a filter that refuses pidfd_send_signal keeps no signal from the program", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = [
          "/bin/sh",
          "-c",
          "trap 'echo got; exit 4' TERM; echo ready; while :; do sleep 0.1; done",
        ];
      });
      const around = without(refusing(["pidfd_send_signal"], EPERM));
      const running = box.spawn(["run", "--bundle", bundle, box.name()], { around });
      await until("the program", () => running.stdout().includes("ready"));
      process.kill(running.pid, "SIGTERM");
      expect(await running.done).toMatchObject({ code: 4, stdout: "ready\ngot\n", stderr: "" });
    });

    test("what was run with all calls before runs without them", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        delete spec.process.capabilities!.ambient;
        spec.process.args = ["/bin/sh", "-c", "echo pid $$; exit 3"];
      });
      const again = (calls: SyscallName[]) => call(box, calls, ["run", "--bundle", bundle, box.name()]);
      for (const [calls] of FILTERS) {
        expect(again([]).code).toBe(3);
        expect({ calls, ...again(calls) }).toEqual({ calls, code: 3, stdout: "pid 1\n", stderr: "" });
      }
    });

    test("without sethostname a name that is only to be tried is left out, and another one is missed", async () => {
      await using box = new Sandbox(subject);
      const named = (annotations: Record<string, string>) => {
        const bundle = box.bundle((spec) => {
          delete spec.process.capabilities!.ambient;
          Object.assign(spec, { hostname: "mine", annotations });
          spec.process.args = ["/bin/echo", "ran"];
        });
        return call(box, ["sethostname"], ["run", "--bundle", bundle, box.name()]);
      };
      expect(named({ "org.brun.hostname": "try" })).toEqual({ code: 0, stdout: "ran\n", stderr: "" });
      const { code, stderr } = named({});
      expect(code).toBe(1);
      expect(stderr).toContain("cannot set the hostname to mine");
    });

    test("without openat2 and the calls for mounts by descriptor containers without a bundle run, too", async () => {
      await using box = new Sandbox(subject);
      // Files come and go in /tmp meanwhile.
      const script =
        "cut -d ' ' -f 4-6 /proc/self/mountinfo | grep -v /tmp | sort; touch /sys/x /usr/x; echo $?";
      for (const root of ["--host", "--rootfs=/"]) {
        const argv = ["run", root, "--network", "none", "--name", box.name(), "--", "sh", "-c", script];
        const usual = call(box, [], argv);
        const calls: SyscallName[] = ["openat2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount"];
        for (const errno of [ENOSYS, EPERM]) {
          const { stderr, ...other } = call(box, calls, argv, errno);
          expect(other).toEqual({ code: usual.code, stdout: usual.stdout });
          expect(stderr.replace(/^brun: warning: .*\n/gm, "")).toBe(
            usual.stderr.replace(/^brun: warning: .*\n/gm, ""),
          );
        }
      }
      expect(call(box, ["openat2"], ["doctor"]).stdout).toMatch(/kernel .*lacks openat2 \(Linux 5\.6, /);
    });

    if (caller.name === "root") {
      test("without clone3 a cgroup v2 is entered all the same", async () => {
        await using box = new Sandbox(subject);
        const name = box.name();
        const bundle = box.bundle((spec) => {
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "cgroup");
          spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup");
          spec.linux.cgroupsPath = `/${name}`;
          spec.process.args = ["/bin/grep", "^0:", "/proc/self/cgroup"];
        });
        const argv = [
          ...without(refusing(["clone3"], ENOSYS)),
          ...box.argv(["run", "--bundle", bundle, name]),
        ];
        const { stdout, stderr } = Bun.spawnSync(inPrivateMounts(["cgroup2"], argv), { env: box.env });
        expect(stderr.toString()).toBe("");
        expect(stdout.toString()).toMatch(new RegExp(`^0::.*/${name}\n$`));
      });
    }

    test("without close_range no descriptor is left open but those that are to be", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        delete spec.process.capabilities!.ambient;
        spec.process.args = ["/bin/sh", "-c", "ls /proc/self/fd"];
      });
      const argv = box.argv(["run", "--preserve-fds", "1", "--bundle", bundle, box.name()]);
      argv.splice(caller.prefix.length, 0, ...without(refusing(["close_range"], ENOSYS)));
      const leak = openSync("/", "r");
      try {
        const { stdout, stderr } = Bun.spawnSync(argv, {
          env: box.env,
          stdio: ["ignore", "pipe", "pipe", leak, leak, leak],
        });
        expect(stderr.toString()).toBe("");
        // 4 is ls's own.
        expect(stdout.toString()).toBe("0\n1\n2\n3\n4\n");
      } finally {
        closeSync(leak);
      }
    });

    test("without mount_setattr mounts have the same flags", async () => {
      await using box = new Sandbox(subject);
      const source = ownedDir(caller, `${box.dir}/data`);
      const bundle = box.bundle((spec) => {
        delete spec.process.capabilities!.ambient;
        spec.root.readonly = true;
        const flags = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"];
        for (const options of [...flags, "strictatime", "relatime", "rw", "ro,rw", flags.join(",")]) {
          const destination = `/mnt/${options.replaceAll(",", "-")}`;
          spec.mounts.push({ destination, type: "bind", source, options: ["rbind", ...options.split(",")] });
        }
        spec.mounts.push({ destination: "/run", type: "tmpfs", source: "tmpfs", options: ["ro", "size=4k"] });
        // What comes with /sys is read-only in another way (src/config/user-namespace-first.ts).
        const show =
          "cut -d' ' -f4-7 /proc/self/mountinfo | sed 's,^.*/data,data,' | grep -v -e /dev/pts -e ' /sys/'";
        spec.process.args = ["/bin/sh", "-c", `${show}; touch /run/x /x /proc/sys/x /mnt/ro/x; true`];
      });
      const args = (): string[] => ["run", "--bundle", bundle, box.name()];
      const usual = call(box, [], args());
      const old = call(box, ["mount_setattr"], args());
      expect(old).toEqual(usual);
      expect(old.stderr.match(/Read-only file system/g)).toHaveLength(3);
      expect(old.stdout).toContain(
        "data /mnt/ro-nosuid-nodev-noexec-noatime-nodiratime-nosymfollow ro,nosuid",
      );
    });

    test("without mount_setattr options for all mounts below are refused, and named", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.mounts.push({ destination: "/mnt", type: "bind", source: box.dir, options: ["rbind", "rro"] });
      });
      const { code, stderr } = call(box, ["mount_setattr"], ["run", "--bundle", bundle, box.name()]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/mounts\[\d+\]: .*mount_setattr needs Linux 5\.12/);
    });

    if (isRoot && caller.name === "user")
      test("without mount_setattr --host has mounts below /tmp, but for those that the caller cannot look at", async () => {
        await using box = new Sandbox(subject);
        const closed = `${box.dir}/closed`;
        const make =
          'mkdir -p "$0/a" "$0-pts" && mount -t tmpfs none "$0/a" && mount -t devpts none "$0-pts" && chmod 700 "$0" && exec "$@"';
        const under = ["unshare", "--mount", "--propagation=private", "sh", "-c", make, closed];
        const argv = ["run", "--host", "--", "sh", "-c", 'cd "$0" || ls -d "$0" "$0-pts/ptmx"', closed];
        for (const errno of [ENOSYS, EPERM]) {
          const around = without(refusing(["mount_setattr"], errno));
          expect(await box.call(argv, { under, around })).toMatchObject({
            code: 0,
            stdout: `${closed}\n${closed}-pts/ptmx\n`,
          });
        }
      });

    test.each([[ENOSYS], [EPERM]])("kill and delete without pidfds, errno %d", async (errno) => {
      await using box = new Sandbox(subject);
      const call = (box: Sandbox, calls: SyscallName[], args: string[]) => callWith(box, calls, args, errno);
      const id = await box.detached();
      const calls: SyscallName[] = ["pidfd_open", "pidfd_send_signal"];
      const { pid } = await box.inspect(id);
      expect(call(box, calls, ["kill", id, "KILL"])).toMatchObject({ code: 0, stderr: "" });
      await box.untilStatus(id, "stopped");
      expect(call(box, calls, ["delete", id])).toMatchObject({ code: 0, stderr: "" });
      expect(pid).toBeGreaterThan(0);
      const other = await box.detached();
      const script =
        "for n in pid mnt net ipc uts cgroup user; do readlink /proc/self/ns/$n; done; id -u; cat /proc/1/comm";
      const exec = (refused: SyscallName[]) => call(box, refused, ["exec", other, "/bin/sh", "-c", script]);
      expect(exec(calls)).toEqual(exec([]));
      expect(exec(calls)).toMatchObject({ code: 0, stderr: "" });
      const again = await box.detached();
      expect(call(box, calls, ["delete", "--force", again])).toMatchObject({ code: 0, stderr: "" });
    });
  });
}
