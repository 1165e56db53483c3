import { describe, expect, test } from "bun:test";
import type { Op, Step } from "../plan/program.ts";
import { E } from "../sys/errno.ts";
import { describeFailure } from "./failure.ts";

const op = (step: Step, name: Op["name"], where = "mounts[3]"): Op => ({
  kind: "syscall",
  name,
  args: [],
  where,
  step,
});

const step = (kind: Op["kind"], what: Step, where: string): Op => ({ ...op(what, "", where), kind });

const mount = (fsType: string): Step => ({ kind: "mount", fsType, target: "/x" });

describe("a failed operation becomes a line with a cause", () => {
  test.each([
    [
      op(mount("nosuchfs"), "mount"),
      E.ENODEV,
      "mounts[3]: cannot mount nosuchfs on /x: no such device (ENODEV); hint: this kernel does not know the file system nosuchfs, or its module is not loaded",
    ],
    [
      step("execute", { kind: "execute", file: "/x" }, "process.args[0]"),
      E.ENOENT,
      'process.args[0]: exec: "/x": no such file or directory; hint: its interpreter, on its #! line or its dynamic loader, is missing in the root',
    ],
    [
      step("execute", { kind: "execute", file: "/x" }, "process.args[0]"),
      E.ENOEXEC,
      'process.args[0]: exec: "/x": exec format error; hint: it is for another architecture, or a script without a #! line',
    ],
    [step("alive", { kind: "openContainer" }, "exec"), E.ESRCH, "container not running"],
    [op({ kind: "joinContainer" }, "setns", "exec"), E.ESRCH, "container not running"],
    [
      { ...step("clone", { kind: "forkIntoContainer" }, "exec"), args: [0, -1] },
      E.ENOMEM,
      "exec: cannot fork into the container's pid namespace: cannot allocate memory (ENOMEM); hint: the container is ending, or has no memory left",
    ],
    [
      step("find", { kind: "findProgram", file: "/x" }, "process.args[0]"),
      E.ENOENT,
      'process.args[0]: exec: "/x": no such file or directory',
    ],
    [
      step("find", { kind: "findProgram", file: "x" }, "process.args[0]"),
      E.ENOENT,
      'process.args[0]: exec: "x": executable file not found in $PATH',
    ],
    [
      step("find", { kind: "findProgram", file: "x" }, "process.args[0]"),
      E.EACCES,
      'process.args[0]: exec: "x": permission denied',
    ],
    [
      op({ kind: "bind", source: "/a", target: "/b" }, "open_tree"),
      E.EINVAL,
      "mounts[3]: cannot bind /a on /b: invalid argument (EINVAL); hint: in a user namespace a tree with mounts below it needs rbind",
    ],
    [
      op({ kind: "bindHostDevice", path: "/dev/x" }, "open_tree", "linux.devices[0]"),
      E.ENOENT,
      "linux.devices[0]: cannot bind the host's /dev/x: no such file or directory (ENOENT); hint: without root, devices are bound from the host, which has none there",
    ],
    [
      op({ kind: "joinNamespace", path: "/etc/passwd" }, "setns", "linux.namespaces[5].path"),
      E.EINVAL,
      "linux.namespaces[5].path: cannot join the namespace /etc/passwd: invalid argument (EINVAL); hint: it is no namespace of this type, or one that the caller is in already",
    ],
    [
      { ...op(mount("tmpfs"), "mount"), args: ["tmpfs", "/x", "tmpfs", 0, "sizee=3"] as never },
      E.EINVAL,
      "mounts[3]: cannot mount tmpfs on /x: invalid argument (EINVAL); hint: the file system does not know one of the options, or not its value",
    ],
    [
      op({ kind: "openRoot", path: "/r" }, "open_tree", "root.path"),
      E.EPERM,
      "root.path: cannot open the root file system /r: operation not permitted (EPERM); hint: without root a container needs a mount namespace of its own in linux.namespaces",
    ],
    [
      op({ kind: "bind", source: "/etc/passwd", target: "/b" }, "move_mount"),
      E.EINVAL,
      "mounts[3]: cannot bind /etc/passwd on /b: invalid argument (EINVAL); hint: a directory cannot be bound on a file, or a file on a directory",
    ],
    [
      op(mount("none"), "mount"),
      E.ENODEV,
      "mounts[3]: cannot mount none on /x: no such device (ENODEV); hint: the mount has no type: give it one, or the option bind",
    ],
    [op(mount("tmpfs"), "mount"), E.EINVAL, "mounts[3]: cannot mount tmpfs on /x: invalid argument (EINVAL)"],
    [
      op({ kind: "setGroups", value: "5" }, "setgroups", "process.user.additionalGids"),
      E.EPERM,
      "process.user.additionalGids: cannot set the supplementary groups to [5]: operation not permitted (EPERM); hint: setgroups is denied with a single-id map: give the user subordinate ids, or drop additionalGids",
    ],
    [
      op({ kind: "setClocks", value: "monotonic -5 0" }, "write", "linux.timeOffsets"),
      E.ERANGE,
      "linux.timeOffsets: cannot set the clocks monotonic -5 0: numerical result out of range (ERANGE); hint: a clock begins neither below 0 nor after more than 146 years",
    ],
  ])("%o %d", (failed, errno, line) => {
    expect(describeFailure(failed, errno).text).toBe(line);
  });

  test.each([
    op({ kind: "makeNetwork" }, "unshare", "linux.namespaces"),
    { ...step("clone", { kind: "cloneInto" }, "linux.namespaces"), args: [0, -1] },
  ])("%o beyond the limit of namespaces", (failed) => {
    expect(describeFailure(failed, E.ENOSPC).text).toMatch(
      /^linux\.namespaces: cannot .* namespaces?: no space left on device \(ENOSPC\); hint: .*user\.max_/,
    );
  });
});
