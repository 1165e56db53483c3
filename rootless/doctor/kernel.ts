/** What of the kernel brun uses, asked of the kernel itself: versions are changed by distributions. */
import { E } from "../../src/sys/errno.ts";
import { type Arg, cstr, NR, syscall } from "../../src/sys/ffi.ts";
import { readTextIfThere } from "../../src/sys/fs.ts";
import type { SyscallName } from "../../src/sys/syscalls.ts";
import type { Caller } from "../caller.ts";
import { hostView } from "../host.ts";
import { filterRemedy } from "../outer.ts";
import { asRoot, type Finding, Subject } from "./finding.ts";

/** A system call, or a flag of one, with arguments that cannot succeed in anything. */
interface Feature {
  readonly name: SyscallName;
  /** Linux version that brings it. */
  readonly since: string;
  readonly args: readonly Arg[];
  /** Answer that says that it is not there, besides ENOSYS. */
  readonly lacking?: number;
  /** Refused with EPERM without capabilities, before its arguments are looked at. */
  readonly privileged?: true;
  /** Without it no container runs. */
  readonly needed: boolean;
  readonly use: string;
}

const NOBODY = 0x7ffffff0;
const CLOSE_RANGE_CLOEXEC = 4;

const FEATURES: readonly Feature[] = [
  {
    name: "pidfd_send_signal",
    since: "5.1",
    args: [-1, 0],
    needed: false,
    use: "signals that surely reach no other process",
  },
  {
    name: "open_tree",
    privileged: true,
    since: "5.2",
    args: [-1, cstr("x"), 0],
    needed: true,
    use: "mounts by descriptor",
  },
  {
    name: "move_mount",
    privileged: true,
    since: "5.2",
    args: [-1, cstr("x"), -1, cstr("x"), 0],
    needed: true,
    use: "mounts by descriptor",
  },
  {
    name: "pidfd_open",
    since: "5.3",
    args: [-1],
    needed: false,
    use: "processes that are never mistaken, else /proc",
  },
  { name: "clone3", since: "5.3", args: [null, 0], needed: false, use: "starting in a cgroup, else clone" },
  {
    name: "openat2",
    since: "5.6",
    args: [-1, null, null, 0],
    needed: true,
    use: "paths that do not leave the root",
  },
  {
    name: "faccessat2",
    since: "5.8",
    args: [-1, cstr("x"), 0, 0],
    needed: false,
    use: "whether a program may be executed, else faccessat",
  },
  {
    name: "close_range",
    since: "5.11",
    args: [NOBODY, NOBODY, CLOSE_RANGE_CLOEXEC],
    lacking: E.EINVAL,
    needed: false,
    use: "closing descriptors, else one by one",
  },
  {
    name: "mount_setattr",
    privileged: true,
    since: "5.12",
    args: [-1, cstr("x"), 0, null, 0],
    needed: false,
    use: "recursive flags and id-mapped mounts, else mount(2)",
  },
];

/** Asks for all of it. */
export function kernel(caller: Caller): Finding {
  const subject = new Subject("kernel", "brun is made for Linux 5.12 and newer", caller);
  const release = readTextIfThere("/proc/sys/kernel/osrelease")?.trim() ?? "unknown";
  const lacking = FEATURES.filter(isLacking);
  if (lacking.length === 0) return subject.ok(`Linux ${release} has all that brun uses`);
  const list = lacking.map(({ name, since, use }) => `${name} (Linux ${since}, for ${use})`).join(", ");
  const what = `Linux ${release}, or a seccomp filter around brun, lacks ${list}`;
  const newest = lacking.at(-1)!.since;
  const remedy = filterRemedy(hostView(caller.uid, caller.gid));
  const fix = asRoot(remedy === undefined ? `boot Linux ${newest} or newer` : remedy);
  return lacking.some((feature) => feature.needed) ? subject.fail(what, fix) : subject.warn(what, fix);
}

function isLacking({ name, args, lacking, privileged }: Feature): boolean {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  const result = syscall(NR[name], a, b, c, d, e);
  // A filter that does not know a call may answer EPERM, as the others do not with such arguments.
  if (result === -E.EPERM) return privileged !== true;
  return result === -E.ENOSYS || (lacking !== undefined && result === -lacking);
}
