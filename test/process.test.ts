/** What a process finds when it starts: directory, environment of hooks, filter, and how its output comes out. */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";

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

    const hook = (path: string, env?: string[]) => (spec: TestSpec) => {
      spec.process.args = ["/bin/true"];
      spec.process.env.push("ONE=two");
      spec.hooks = { startContainer: [{ path, ...(env && { env }) }] };
    };

    test("a startContainer hook without environment gets that of the process", async () => {
      await using box = new Sandbox(subject);
      for (const env of [undefined, ["THREE=four"]]) {
        const bundle = box.bundle(hook("/hook", env));
        writeFileSync(`${bundle}/rootfs/hook`, '#!/bin/sh\necho "$ONE-$THREE"\n');
        chmodSync(`${bundle}/rootfs/hook`, 0o755);
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome).toMatchObject({ code: 0, stdout: env === undefined ? "two-\n" : "-four\n" });
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
