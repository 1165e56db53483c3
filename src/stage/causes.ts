/** What a field's refusal by the kernel most likely means. Looked at when a container has failed; import it lazily. */
import { currentCaller } from "../../rootless/caller.ts";
import { hostView } from "../../rootless/host.ts";
import { filterRemedy } from "../../rootless/outer.ts";
import { explainRootMap } from "../../rootless/userns.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/fs.ts";
import type { Op } from "./program.ts";

/** Beginning of the config path, errnos, and the hint. */
const CAUSES: readonly (readonly [where: string, errnos: readonly number[], hint: string])[] = [
  [
    "process.user",
    [E.EINVAL],
    "the id is not mapped: add it to linux.uidMappings and gidMappings, or leave both out to have the subordinate ids",
  ],
  [
    "process.user.additionalGids",
    [E.EPERM],
    "setgroups is denied with a single-id map: give the user subordinate ids, or drop additionalGids",
  ],
  [
    "hostname",
    [E.EPERM],
    "the filter of an outer container refuses sethostname: leave out the hostname, or add the annotation org.brun.hostname=try",
  ],
  ["process.rlimits", [E.EPERM], "a hard limit is raised by root alone, with CAP_SYS_RESOURCE"],
  ["process.oomScoreAdj", [E.EACCES], "it is lowered by root alone, with CAP_SYS_RESOURCE"],
  [
    "process.capabilities",
    [E.EPERM],
    "effective has to be within permitted, and permitted within what brun itself has",
  ],
  [
    "process.scheduler",
    [E.EPERM],
    "real-time policies need CAP_SYS_NICE or RLIMIT_RTPRIO, and beside cgroup v1 a cgroup with cpu.rt_runtime_us; " +
      "a nice value below the caller's needs CAP_SYS_NICE or RLIMIT_NICE",
  ],
  ["process.scheduler", [E.EOPNOTSUPP], "SCHED_FLAG_UTIL_CLAMP_* need a kernel with CONFIG_UCLAMP_TASK"],
  ["process.scheduler", [E.EBUSY], "the CPUs have not that much time left for SCHED_DEADLINE"],
  ["process.ioPriority", [E.EPERM], "IOPRIO_CLASS_RT needs CAP_SYS_NICE"],
  [
    "process.execCPUAffinity.final",
    [E.EINVAL],
    "none of them is online and in the cpuset of the container's cgroup",
  ],
  ["linux.timeOffsets", [E.ERANGE], "a clock begins neither below 0 nor after more than 146 years"],
  ["linux.memoryPolicy", [E.EINVAL], "the machine's nodes are in /sys/devices/system/node/online"],
  [
    "--no-new-keyring",
    [E.EDQUOT],
    "each container has a session keyring, and its user has no more keys (sysctl kernel.keys.maxkeys and maxbytes, of root " +
      "root_maxkeys and root_maxbytes; /proc/key-users has what is used): end containers, raise them, or keep the " +
      "caller's keyring with --no-new-keyring",
  ],
  ["linux.sysctl", [E.ENOENT], "this kernel has no such parameter, or not in a namespace"],
  ["linux.sysctl", [E.EINVAL], "the kernel takes no such value"],
];

/** Whether it opens a path that had no symbolic links (src/init/real-path.ts). */
function followsNoLinks({ kind, name, args }: Op): boolean {
  if (kind === "target") return (Number(args[2]) & RESOLVE.NO_SYMLINKS) !== 0;
  return name === "openat2" && args[0] === AT_FDCWD;
}

/** The likely cause of an operation's failure, or undefined. */
export function causeOf(op: Op, errno: number): string | undefined {
  const { where, doing, name, args } = op;
  if (errno === E.ELOOP && followsNoLinks(op)) {
    return "a symbolic link has been put on the way to it since brun looked there";
  }
  if (doing === "change the propagation of /" && errno === E.EINVAL) {
    return "brun runs in a chroot that is no mount point: mount --bind DIR DIR before chroot DIR, or enter it by bwrap or systemd-nspawn";
  }
  if (errno === E.EPERM && (name === "pivot_root" || where.startsWith("linux.uidMappings"))) {
    const { uid, gid } = currentCaller();
    const host = hostView(uid, gid);
    // In a mount namespace of one's own nothing else refuses pivot_root.
    return name === "pivot_root" ? filterRemedy(host) : explainRootMap(host)?.fix;
  }
  if (doing.startsWith("bind the host's ") && errno === E.ENOENT) {
    return "without root, devices are bound from the host, which has none there";
  }
  if (doing.startsWith("open the root file system ") && errno === E.EPERM) {
    return "without root a container needs a mount namespace of its own in linux.namespaces";
  }
  if (doing.startsWith("join the namespace ") && errno === E.EINVAL) {
    return "it is no namespace of this type, or one that the caller is in already";
  }
  if (doing.startsWith("bind ") && errno === E.EPERM && (name === "mount_setattr" || op.kind === "check")) {
    return "in a user namespace no flag can be cleared that the source's mount has on the host: leave out rw, suid, dev and exec";
  }
  if (doing.startsWith("bind ") && name === "move_mount" && errno === E.EINVAL) {
    return "a directory cannot be bound on a file, or a file on a directory";
  }
  if (doing.startsWith("mount none ") && errno === E.ENODEV) {
    return "the mount has no type: give it one, or the option bind";
  }
  if (doing.startsWith("mount overlay ") && errno === E.ENOENT) {
    return "lowerdir, upperdir and workdir have to be there";
  }
  if (name === "mount" && errno === E.EINVAL && args[4] != null) {
    return "the file system does not know one of the options, or not its value";
  }
  // The most specific is the last.
  return CAUSES.findLast(([path, errnos]) => where.startsWith(path) && errnos.includes(errno))?.[2];
}
