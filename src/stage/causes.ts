/** The likely cause of the kernel's refusal of a field. Needed only when a container has failed: import it lazily. */
import { currentCaller } from "../../rootless/caller.ts";
import { hostView } from "../../rootless/host-view.ts";
import { filterRemedy } from "../../rootless/outer.ts";
import { explainRootMap } from "../../rootless/userns.ts";
import type { Op } from "../plan/program.ts";
import { isBind, isMountOf, type StepKind } from "../plan/step.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/fs.ts";

/** Kinds of steps, errnos, and the hint for them. */
const CAUSES: readonly (readonly [kinds: readonly StepKind[], errnos: readonly number[], hint: string])[] = [
  [
    ["setUid", "setGid", "setGroups", "giveStdio"],
    [E.EINVAL],
    "the id is not mapped: add it to linux.uidMappings and gidMappings, or leave both out to have the subordinate ids",
  ],
  [
    ["setGroups", "dropGroups"],
    [E.EPERM],
    "setgroups is denied with a single-id map: give the user subordinate ids, or drop additionalGids",
  ],
  [
    ["setHostname"],
    [E.EPERM],
    "the filter of an outer container refuses sethostname: leave out the hostname, or add the annotation org.brun.hostname=try",
  ],
  [["setLimit", "raiseLimit"], [E.EPERM], "a hard limit is raised by root alone, with CAP_SYS_RESOURCE"],
  [["setOomScore"], [E.EACCES], "it is lowered by root alone, with CAP_SYS_RESOURCE"],
  [
    ["setCapabilities", "dropBounding", "raiseAmbient"],
    [E.EPERM],
    "effective has to be within permitted, and permitted within what brun itself has",
  ],
  [
    ["setScheduler"],
    [E.EPERM],
    "real-time policies need CAP_SYS_NICE or RLIMIT_RTPRIO, and beside cgroup v1 a cgroup with cpu.rt_runtime_us; " +
      "a nice value below the caller's needs CAP_SYS_NICE or RLIMIT_NICE",
  ],
  [["setScheduler"], [E.EOPNOTSUPP], "SCHED_FLAG_UTIL_CLAMP_* need a kernel with CONFIG_UCLAMP_TASK"],
  [["setScheduler"], [E.EBUSY], "the CPUs have not that much time left for SCHED_DEADLINE"],
  [["setIoPriority"], [E.EPERM], "IOPRIO_CLASS_RT needs CAP_SYS_NICE"],
  [["runOnCpus"], [E.EINVAL], "none of them is online and in the cpuset of the container's cgroup"],
  [["setClocks"], [E.ERANGE], "a clock begins neither below 0 nor after more than 146 years"],
  [["setMemoryPolicy"], [E.EINVAL], "the machine's nodes are in /sys/devices/system/node/online"],
  [
    ["joinKeyring"],
    [E.EDQUOT],
    "each container has a session keyring, and its user has no more keys (sysctl kernel.keys.maxkeys and maxbytes, of root " +
      "root_maxkeys and root_maxbytes; /proc/key-users has what is used): end containers, raise them, or keep the " +
      "caller's keyring with --no-new-keyring",
  ],
  [["setSysctl"], [E.ENOENT], "this kernel has no such parameter, or not in a namespace"],
  [["setSysctl"], [E.EINVAL], "the kernel takes no such value"],
  [["bindHostDevice"], [E.ENOENT], "without root, devices are bound from the host, which has none there"],
  [
    ["openRoot"],
    [E.EPERM],
    "without root a container needs a mount namespace of its own in linux.namespaces",
  ],
  [
    ["joinContainer"],
    [E.EPERM],
    "the kernel lets no process join one whose program its user may execute but not read: start the container with --init",
  ],
  [["joinNamespace"], [E.EINVAL], "it is no namespace of this type, or one that the caller is in already"],
];

/** Whether the operation opens a path that had no symbolic links (src/init/real-path.ts). */
function followsNoLinks({ kind, name, args }: Op): boolean {
  if (kind === "target") return (Number(args[2]) & RESOLVE.NO_SYMLINKS) !== 0;
  return name === "openat2" && args[0] === AT_FDCWD;
}

/** The likely cause of an operation's failure, or undefined. */
export function causeOf(op: Op, errno: number): string | undefined {
  const { step, name, args } = op;
  if (errno === E.ELOOP && followsNoLinks(op)) {
    return "a symbolic link has been put on the way to it since brun looked there";
  }
  if (step.kind === "propagation" && step.of === "/" && errno === E.EINVAL) {
    return "brun runs in a chroot that is no mount point: mount --bind DIR DIR before chroot DIR, or enter it by bwrap or systemd-nspawn";
  }
  if (errno === E.EPERM && (name === "pivot_root" || ROOT_MAP.includes(step.kind))) {
    const { uid, gid } = currentCaller();
    const host = hostView(uid, gid);
    // In a mount namespace of its own only a filter refuses pivot_root to the process.
    return name === "pivot_root" ? filterRemedy(host) : explainRootMap(host)?.fix.hint;
  }
  if (isBind(step) && errno === E.EPERM && (name === "mount_setattr" || op.kind === "check")) {
    return "in a user namespace no flag can be cleared that the source's mount has on the host: leave out rw, suid, dev and exec";
  }
  if (isBind(step) && name === "move_mount" && errno === E.EINVAL) {
    return "a directory cannot be bound on a file, or a file on a directory";
  }
  if (isMountOf(step, "none") && errno === E.ENODEV) {
    return "the mount has no type: give it one, or the option bind";
  }
  if (isMountOf(step, "overlay") && errno === E.ENOENT) {
    return "lowerdir, upperdir and workdir have to be there";
  }
  if (name === "mount" && errno === E.EINVAL && args[4] != null) {
    return "the file system does not know one of the options, or not its value";
  }
  return CAUSES.find(([kinds, errnos]) => kinds.includes(step.kind) && errnos.includes(errno))?.[2];
}

/** Steps by which the process becomes root of its user namespace. */
const ROOT_MAP: readonly StepKind[] = ["awaitMaps", "writeUidMap", "becomeRoot"];
