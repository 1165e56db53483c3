/** Linux 5.15, as far as a filter can make it of a newer one: calls, ioctls and flags that came later fail as they do there. */
import { describe, expect, test } from "bun:test";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { ENOSYS, type Refusal, without } from "../support/without.ts";

const EINVAL = 22;
const ENOTTY = 25;
const EOPNOTSUPP = 95;
const ALL = 0xffffffff;

const value = (call: Refusal["call"], index: number, it: number, errno: number): Refusal => ({
  call,
  errno,
  argument: { index, mask: ALL, value: it },
});
const flag = (call: Refusal["call"], index: number, bit: number): Refusal => ({
  call,
  errno: EINVAL,
  argument: { index, mask: bit, value: bit },
});

/** From futex_waitv (5.16) to the newest: numbers are the same on all architectures. */
const CALLS: Refusal[] = Array.from({ length: 24 }, (_, i) => ({ call: 449 + i, errno: ENOSYS }));

const LATER: Refusal[] = [
  ...CALLS,
  value("ioctl", 1, 0x8008b70d, ENOTTY), // NS_GET_ID, 6.18
  value("ioctl", 1, 0x8008b705, ENOTTY), // NS_GET_MNTNS_ID, 6.11
  value("ioctl", 1, 0xff09, ENOTTY), // PIDFD_GET_USER_NAMESPACE, 6.11
  value("fsconfig", 1, 8, EOPNOTSUPP), // FSCONFIG_CMD_CREATE_EXCL, 6.6
  flag("move_mount", 4, 0x200), // MOVE_MOUNT_BENEATH, 6.5
  flag("memfd_create", 1, 0x8), // MFD_NOEXEC_SEAL, 6.3
  flag("memfd_create", 1, 0x10), // MFD_EXEC, 6.3
  flag("pidfd_open", 1, 0x80), // PIDFD_THREAD, 6.9
  flag("seccomp", 1, 0x20), // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 5.19
  value("prctl", 0, 65, EINVAL), // PR_SET_MDWE, 6.3
];

describe.each(subjects(["brun"]))("$label", (subject) => {
  test("on Linux 5.15 all forms do the same", async () => {
    await using box = new Sandbox(subject);
    const around = without(LATER);
    const plain = { around: without([]) };
    const bundle = box.bundle((spec) => {
      spec.process.args = ["sh", "-c", "echo pid $$; cut -d' ' -f5,6 /proc/self/mountinfo; exit 3"];
    });
    const both = async (...args: string[]) => {
      const [old, now] = [await box.call(args, { around }), await box.call(args, plain)];
      expect({ args, ...old }).toEqual({ args, ...now });
      return old;
    };
    const run = async (...flags: string[]) => {
      const args = (id: string) => ["run", "--bundle", bundle, ...flags, id];
      const [old, now] = [
        await box.call(args(box.name()), { around }),
        await box.call(args(box.name()), plain),
      ];
      expect(old).toEqual(now);
      expect(old).toMatchObject({ code: 3, stderr: "" });
    };
    // What is said once is said here.
    await box.call(["run", "--rootfs", `${bundle}/rootfs`, "--", "true"], plain);
    await run();
    await run("--no-new-keyring");
    expect(await both("run", "--rootfs", `${bundle}/rootfs`, "--", "echo", "ran")).toMatchObject({
      code: 0,
      stdout: "ran\n",
    });
    const upper = `echo written >"$HOME/x" && cat "$HOME/x"; id -u; ls /proc/1/root >/dev/null && echo looked`;
    expect((await both("run", "--host", "--", "sh", "-c", upper)).stdout).toContain("written\n");

    const id = box.name();
    const sleeping = box.bundle((spec) => {
      spec.process.args = ["/bin/sleep", "1000"];
    });
    const old = (...args: string[]) => box.call(args, { around });
    expect(await old("create", "--bundle", sleeping, id)).toMatchObject({ code: 0, stderr: "" });
    expect(await old("start", id)).toMatchObject({ code: 0, stderr: "" });
    expect(await old("exec", id, "/bin/sh", "-c", "echo in; exit 5")).toMatchObject({
      code: 5,
      stdout: "in\n",
    });
    expect(JSON.parse((await old("state", id)).stdout).status).toBe("running");
    expect((await old("ps", id)).stdout).toContain("sleep");
    expect(await old("kill", id, "KILL")).toMatchObject({ code: 0, stderr: "" });
    await box.untilStatus(id, "stopped");
    expect(await old("delete", id)).toMatchObject({ code: 0, stderr: "" });
    expect((await old("doctor")).code).toBeLessThan(2);
  });
});
