/** What a process finds when it starts: directory, environment of hooks, filter, and how its output comes out. */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds, type TestSpec } from "./support/spec.ts";

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    const isRoot = subject.caller.name === "root";

    test("output of a terminal that goes to a pipe has plain newlines", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("tty; echo one; echo two", (spec) => {
        spec.process.terminal = true;
      });
      expect(outcome).toMatchObject({ code: 0, stdout: "/dev/pts/0\none\ntwo\n" });
    });

    // Only root can give a directory to someone else.
    if (isRoot) {
      test("a working directory that only the user, or only root, may enter", async () => {
        await using box = new Sandbox(subject);
        for (const capabilities of [[], ["CAP_DAC_OVERRIDE"]]) {
          const bundle = box.bundle((spec) => {
            spec.process.args = ["pwd"];
            spec.process.cwd = "/home/private";
            spec.process.user = { uid: 1000, gid: 1000 };
            spec.process.capabilities = { bounding: capabilities, permitted: capabilities };
          });
          mkdirSync(`${bundle}/rootfs/home/private`, { mode: 0o700 });
          chownSync(`${bundle}/rootfs/home/private`, capabilities.length === 0 ? 1000 : 0, 0);
          const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
          expect(outcome).toMatchObject({ code: 0, stdout: "/home/private\n" });
        }
      });
    }

    test("output to a regular file can be opened again by the user that the process is", async () => {
      await using box = new Sandbox(subject);
      const script = "echo 1; echo 2 >>/dev/stdout; echo 3 >>/dev/stderr";
      const under = ["sh", "-c", `exec "$@" >>${box.file("own", "")} 2>&1`, "sh"];
      const edit = (spec: TestSpec): void => {
        if (!isRoot) mapManyIds(spec, subject.caller);
        spec.process.user = { uid: 1000, gid: 1000 };
      };
      await box.sh(script, edit, { under });
      expect(readFileSync(`${box.dir}/own`, "utf8").split("\n").sort().join("")).toBe("123");
    });

    const hook = (path: string, env?: string[]) => (spec: TestSpec) => {
      spec.process.args = ["/bin/true"];
      spec.process.env.push("ONE=two");
      spec.hooks = { startContainer: [{ path, ...(env && { env }) }] };
    };

    test("a startContainer hook without environment gets that of the process", async () => {
      await using box = new Sandbox(subject);
      for (const env of [undefined, ["THREE=four"]]) {
        const bundle = box.bundle(hook("/hook", env));
        writeFileSync(`${bundle}/rootfs/hook`, '#!/bin/sh\necho "$ONE-$THREE"\nexit 3\n');
        chmodSync(`${bundle}/rootfs/hook`, 0o755);
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome).toMatchObject({ code: 1, stdout: "" });
        expect(outcome.stderr).toEndWith(`: ${env === undefined ? "two-" : "-four"}\n`);
      }
    });

    test("what a startContainer hook that fails says on the terminal is shown", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        hook("/hook")(spec);
        spec.process.terminal = true;
      });
      writeFileSync(`${bundle}/rootfs/hook`, "#!/bin/sh\necho no such luck >&2\nexit 3\n");
      chmodSync(`${bundle}/rootfs/hook`, 0o755);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome.code).toBe(1);
      expect(outcome.stdout + outcome.stderr).toContain("no such luck");
    });

    test("the process may use every CPU whatever the caller is bound to", async () => {
      await using box = new Sandbox(subject);
      const affinity = (text: string): string => /Cpus_allowed_list:\s+(.*)/.exec(text)![1]!;
      const all = affinity(readFileSync("/proc/self/status", "utf8"));
      const bundle = box.bundle((spec) => {
        spec.process.args = ["cat", "/proc/self/status"];
      });
      const argv = ["taskset", "-c", "0", ...box.argv(["run", "--bundle", bundle, box.name()])];
      const { stdout } = Bun.spawnSync(argv, { env: box.env, cwd: box.dir });
      expect(affinity(stdout.toString())).toBe(all);
    });

    test("SIGTERM ends a created container", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      await box.ok(["create", "--bundle", box.bundle(), id]);
      await box.ok(["kill", id, "TERM"]);
      await box.untilStatus(id, "stopped");
    });

    test("createContainer hooks start in the root file system", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("cat /made", (spec) => {
        spec.hooks = {
          createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "echo here >./made"] }],
        };
      });
      expect(outcome).toMatchObject({ code: 0, stdout: "here\n" });
    });

    test("HOME is by the passwd that the container has: a mounted one, one that a hook has written, one of later", async () => {
      await using box = new Sandbox(subject);
      const line = (home: string) => `root:x:0:0:root:${home}:/bin/sh`;
      const others = "other:x:10:0::/no:/bin/sh\nshort:x:0\nmore:x:00:0::/no:/bin/sh\nempty:x:0:0:::\n";
      const withoutHome = (spec: TestSpec) => {
        spec.root.readonly = false;
        spec.process.env = spec.process.env.filter((entry) => !entry.startsWith("HOME="));
      };
      const source = box.file("passwd", `${others}${line("/mounted")}\n${line("/second")}\n`);
      const mounted = await box.sh("echo $HOME", (spec) => {
        withoutHome(spec);
        spec.mounts.push({ destination: "/etc/passwd", type: "bind", source, options: ["bind"] });
      });
      expect(mounted.stdout).toBe("/mounted\n");
      const hooked = await box.sh("echo $HOME", (spec) => {
        withoutHome(spec);
        const script = `printf %s '${line("/hooked")}' >etc/passwd`;
        spec.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", script] }] };
      });
      expect(hooked.stdout).toBe("/hooked\n");
      const id = await box.detached((spec) => {
        withoutHome(spec);
        spec.mounts.push({ destination: "/etc", type: "tmpfs", source: "tmpfs" });
      });
      expect((await box.exec(id, "echo $HOME")).stdout).toBe("/\n");
      await box.exec(id, `echo '${line("/later")}' >/etc/passwd`);
      expect((await box.exec(id, "echo $HOME")).stdout).toBe("/later\n");
    });

    test("ambient capabilities that cannot be raised are left out in silence, as engines ask for them", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("grep CapAmb /proc/self/status", (spec) => {
        const given = ["CAP_KILL", "CAP_CHOWN"];
        spec.process.capabilities = {
          bounding: given,
          permitted: given,
          effective: given,
          inheritable: ["CAP_KILL"],
          ambient: given,
        };
      });
      expect(outcome).toMatchObject({ code: 0, stdout: "CapAmb:\t0000000000000020\n", stderr: "" });
    });

    test("a symbolic link is no mount point for procfs", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle();
      rmSync(`${bundle}/rootfs/proc`, { recursive: true });
      symlinkSync("/home", `${bundle}/rootfs/proc`);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain("the mount point may not be a symbolic link");
    });

    test("a container with neither cgroup nor pid namespace is warned about", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      const globals = ["--cgroup-manager=disabled"];
      const outcome = await box.call(["run", "--bundle", bundle, box.name()], { globals });
      expect(outcome.code).toBe(0);
      expect(outcome.stderr).toContain("strongly discouraged");
    });

    test("with --no-pivot no unmasked /proc is left behind", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        // Succeeds where a procfs is mounted on which nothing is covered (mount_namespaces(7)).
        spec.process.args = ["unshare", "-mrpf", "sh", "-c", "mount -t proc none /proc && echo mounted"];
        const { capabilities } = spec.process;
        for (const set of ["bounding", "permitted"]) capabilities?.[set]?.push("CAP_SETFCAP");
      });
      const outcome = await box.call(["run", "--no-pivot", "--bundle", bundle, box.name()]);
      expect(outcome.stdout).toBe("");
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain("mount: ");
    });

    for (const noNewPrivileges of [true, false]) {
      const filter = (names: string[], errnoRet: number) => (spec: TestSpec) => {
        spec.process.noNewPrivileges = noNewPrivileges;
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet }],
        };
      };

      test(`startContainer hooks are under the filter, no_new_privs ${noNewPrivileges}`, async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          hook("/hook")(spec);
          filter(["mkdir", "mkdirat"], 1)(spec);
        });
        writeFileSync(`${bundle}/rootfs/hook`, "#!/bin/sh\nmkdir /tmp/made\n");
        chmodSync(`${bundle}/rootfs/hook`, 0o755);
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome.code).toBe(1);
        expect(outcome.stderr).toContain("Operation not permitted");
      });

      test(`a filter that knows no recent system call, no_new_privs ${noNewPrivileges}`, async () => {
        await using box = new Sandbox(subject);
        const names = ["close_range", "openat2", "open_tree", "move_mount", "mount_setattr"];
        const outcome = await box.sh("echo ran", filter(names, 38));
        expect(outcome).toMatchObject({ code: 0, stdout: "ran\n" });
      });
    }
  });
}
