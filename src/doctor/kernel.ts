/** The kernel features that brun uses. It asks the kernel for each, because distributions change what a version has. */

import type { Caller } from "../../rootless/caller.ts";
import { hostView } from "../../rootless/host-view.ts";
import { filterRemedy } from "../../rootless/outer.ts";
import { E } from "../sys/errno.ts";
import { readTextIfThere } from "../sys/fs.ts";
import { refusalOf } from "../sys/refused-calls.ts";
import type { SyscallName } from "../sys/syscalls.ts";
import { asRoot, type Finding, Subject } from "./finding.ts";
import { attempt } from "./trial.ts";

/** A system call. */
interface Feature {
  readonly name: SyscallName;
  /** Linux version that brings it. */
  readonly since: string;
  /** A call that can be tried only with capabilities: arguments that cannot succeed, and its answers to them. */
  readonly inside?: { readonly args: readonly number[]; readonly answers: readonly number[] };
  /** What brun needs it for, and what brun uses instead. */
  readonly use: string;
}

const FEATURES: readonly Feature[] = [
  {
    name: "pidfd_send_signal",
    since: "5.1",
    use: "signals that surely reach no other process",
  },
  {
    name: "open_tree",
    since: "5.2",
    use: "mounts by descriptor, else mount(2)",
  },
  {
    name: "move_mount",
    inside: { args: [-1, 0, -1, 0, -1], answers: [E.EINVAL] },
    since: "5.2",
    use: "mounts by descriptor, else mount(2)",
  },
  {
    name: "fsopen",
    inside: { args: [0, -1], answers: [E.EINVAL] },
    since: "5.2",
    use: "new file systems by descriptor, else mount(2)",
  },
  { name: "fsconfig", since: "5.2", use: "new file systems by descriptor, else mount(2)" },
  {
    name: "fsmount",
    inside: { args: [-1, -1, 0], answers: [E.EINVAL] },
    since: "5.2",
    use: "new file systems by descriptor, else mount(2)",
  },
  {
    name: "pidfd_open",
    since: "5.3",
    use: "processes that are never mistaken, else /proc",
  },
  { name: "clone3", since: "5.3", use: "starting in a cgroup, else clone" },
  {
    name: "openat2",
    since: "5.6",
    use: "paths that do not leave the root, else step by step",
  },
  {
    name: "faccessat2",
    since: "5.8",
    use: "whether a program may be executed, else faccessat",
  },
  {
    name: "close_range",
    since: "5.11",
    use: "closing descriptors, else one by one",
  },
  {
    name: "mount_setattr",
    since: "5.12",
    use: "recursive flags and id-mapped mounts, else mount(2)",
  },
];

/** Tries all of them. */
export function kernel(caller: Caller): Finding {
  const subject = new Subject("kernel", "brun is made for Linux 5.12 and newer", caller);
  const release = readTextIfThere("/proc/sys/kernel/osrelease")?.trim() ?? "unknown";
  const lacking = FEATURES.filter((feature) => isLacking(feature, caller));
  if (lacking.length === 0) return subject.ok(`Linux ${release} has all that brun uses`);
  const list = lacking.map(({ name, since, use }) => `${name} (Linux ${since}, for ${use})`).join(", ");
  const what = `Linux ${release}, or a seccomp filter around brun, lacks ${list}`;
  const newest = lacking.at(-1)!.since;
  const remedy = filterRemedy(hostView(caller.uid, caller.gid));
  const fix = asRoot(remedy === undefined ? `boot Linux ${newest} or newer` : remedy);
  return subject.warn(what, fix);
}

function isLacking({ name, inside }: Feature, caller: Caller): boolean {
  if (inside === undefined) return refusalOf(name) !== 0;
  const { args, answers } = inside;
  const error = attempt({
    caller,
    build: ({ b }) => b.at(CALL, { kind: "call", name }).sys(name, args, { handle: answers }),
  });
  return error?.where === CALL;
}

/** Distinguishes this step of a trial from those before it. */
const CALL = "call";
