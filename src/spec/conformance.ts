/**
 * The support of each field of config.json. docs/spec-conformance.md is made from this table, and a test fails if
 * it and the schema differ. Not on the hot path: import it lazily.
 */

/** How brun treats a field. */
export interface Support {
  readonly status: "works" | "ignored" | "refused";
  /** The machine that it needs, or why it is ignored or refused; a clause without a full stop. */
  readonly note?: string;
  /** A different rule for a caller without root: a condition, or why it does not work. */
  readonly rootless?: string;
}

const works: Support = { status: "works" };
const when = (note: string): Support => ({ status: "works", note });
const rootless = (condition: string, note?: string): Support =>
  note === undefined
    ? { status: "works", rootless: condition }
    : { status: "works", note, rootless: condition };
const ignored = (note: string): Support => ({ status: "ignored", note });

/** A limit that a controller of cgroup v2 or v1 enforces. */
const limit = (controller: string, note?: string): Support =>
  rootless(`a delegated cgroup v2 with the controller ${controller}; not with v1`, note);
const v1Only = (controller: string): Support => ({
  status: "works",
  note: `the controller ${controller} of cgroup v1; v2 has none, where it is ignored with a warning`,
  rootless: "cgroup v1 is for root",
});

const WINDOWS = "for Windows";
const MAPPED = "ids that the user namespace maps";
const SUBIDS = "the caller's own id and its ranges in /etc/subuid and /etc/subgid";
const OBSOLETE = "no kernel since 5.4 and no cgroup v2 has it";
const SCHED = "real-time policies within RLIMIT_RTPRIO, negative nice within RLIMIT_NICE, no deadline policy";
const RDT = rootless("refused: resctrl belongs to root", "a kernel and CPU with resctrl; else refused");
const BOUND = rootless(
  "bound from the host, with the host's numbers, mode and owner",
  "mknod(2); in a user namespace the host's is bound, and what it lacks is made outside",
);
const HOOK = "runs as the caller; in the container's namespaces as its root";
/** The effect of a failed hook, unless it only makes creating the container fail. */
const FAILED: Readonly<Record<string, string>> = {
  poststart: "one that fails ends the container, whose poststop hooks are run, as runtime-spec 1.3 has it",
  poststop: "one that fails is warned about",
};
const DEPRECATED_HOOK = rootless(
  HOOK,
  "deprecated, createRuntime has replaced it; without a warning, for Docker puts one into every config",
);
const SECCOMP = when("libseccomp 2.5 or newer on the machine; else refused");
const OFFSET = when("Linux 5.6 or newer");
const IDMAP = rootless(
  "refused: mapping the ids of the host's file systems needs root",
  "Linux 5.12 or newer and a file system that can",
);

/** Section, its fields (leaves: "[]" is any member of a list, ".*" any key of an object), and their support. */
const GROUPS: readonly (readonly [section: string, fields: string, support: Support])[] = [
  [
    "",
    "ociVersion",
    when("any; what is later than 1.3 has no effect, another major version is warned about"),
  ],
  ["process", "terminal consoleSize.height consoleSize.width args[] env[] cwd noNewPrivileges", works],
  ["process.user", "uid gid", rootless(MAPPED)],
  [
    "process.user",
    "additionalGids[]",
    rootless(`${MAPPED}; none with a single-id map, where setgroups is denied`),
  ],
  ["process.user", "umask", works],
  ["process.user", "username", ignored(WINDOWS)],
  ["process", "commandLine", ignored(WINDOWS)],
  [
    "process.capabilities",
    "bounding[] effective[] inheritable[] permitted[] ambient[]",
    when(
      "names that the kernel does not know are ignored with a warning; ambient ones that are not permitted and inheritable without",
    ),
  ],
  ["process.rlimits[]", "type soft", works],
  ["process.rlimits[]", "hard", rootless("up to the caller's own hard limit, to which more is clamped")],
  ["process", "apparmorProfile", when("a kernel with AppArmor and the profile loaded; else refused")],
  ["process", "oomScoreAdj", rootless("not below the caller's own, to which less is clamped")],
  ["process.scheduler", "policy nice priority flags[] runtime deadline period", rootless(SCHED)],
  ["process", "selinuxLabel", when("a kernel with SELinux; else refused")],
  ["process.ioPriority", "class priority", rootless("IOPRIO_CLASS_RT needs root")],
  ["process.execCPUAffinity", "initial final", when("for exec, not for the container's first process")],
  ["root", "path readonly", works],
  [
    "",
    "hostname",
    when(
      'with the annotation org.brun.hostname: "try", which `brun spec` writes, one that a filter around brun refuses is left out',
    ),
  ],
  ["", "domainname", works],
  ["mounts[]", "destination", when("a relative one starts at /, with a warning")],
  [
    "mounts[]",
    "type",
    rootless(
      "proc, sysfs (bound from the host without a network namespace), tmpfs, devpts, mqueue, cgroup, overlay, fuse",
    ),
  ],
  ["mounts[]", "source", rootless("what the caller can reach")],
  [
    "mounts[]",
    "options[]",
    rootless(
      "flags that the host's mount locks are kept; uid= and gid= must be mapped",
      "of bind mounts those that `brun features` lists, others are refused; idmap=uids=…;gids=… as in crun",
    ),
  ],
  ["mounts[].uidMappings[]", "containerID hostID size", IDMAP],
  ["mounts[].gidMappings[]", "containerID hostID size", IDMAP],
  ...["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"].map(
    (name) =>
      [
        `hooks.${name}[]`,
        "path args[] env[] timeout",
        name === "prestart" ? DEPRECATED_HOOK : rootless(HOOK, FAILED[name]),
      ] as const,
  ),
  [
    "",
    "annotations",
    rootless(
      "run.oci.delegate-cgroup: a delegated cgroup v2",
      "run.oci.keep_original_groups, .hooks.stdout, .hooks.stderr, .mount_context_type, .pidfd_receiver, .delegate-cgroup (cgroup v2; refused on v1) and .seccomp_fail_unknown_syscall have an effect as with crun, .handler, .seccomp.* and .systemd.force_cgroup_v1 are ignored with a warning, others without; org.systemd.property.* as with runc; all are in the state",
    ),
  ],
  ["linux.uidMappings[]", "containerID hostID size", rootless(SUBIDS)],
  ["linux.gidMappings[]", "containerID hostID size", rootless(SUBIDS)],
  [
    "linux",
    "sysctl",
    rootless("what the kernel lets the namespace's owner set: net.*, and System V ipc since Linux 6.9"),
  ],
  [
    "linux.resources.devices[]",
    "allow type major minor access",
    rootless("ignored: a user namespace cannot make device nodes, so only those bound into it are there"),
  ],
  ["linux.resources.memory", "limit reservation swap", limit("memory")],
  ["linux.resources.memory", "kernel kernelTCP", ignored(`${OBSOLETE}; a limit is warned about`)],
  ["linux.resources.memory", "useHierarchy", ignored(OBSOLETE)],
  ["linux.resources.memory", "swappiness disableOOMKiller", v1Only("memory")],
  ["linux.resources.memory", "checkBeforeUpdate", limit("memory")],
  ["linux.resources.cpu", "shares quota burst period idle", limit("cpu")],
  ["linux.resources.cpu", "realtimeRuntime realtimePeriod", v1Only("cpu")],
  ["linux.resources.cpu", "cpus mems", limit("cpuset, which systemd delegates only by a drop-in")],
  ["linux.resources.pids", "limit", limit("pids")],
  ["linux.resources.blockIO", "weight", limit("io, which systemd delegates only by a drop-in")],
  ["linux.resources.blockIO", "leafWeight", v1Only("blkio")],
  [
    "linux.resources.blockIO.weightDevice[]",
    "major minor weight",
    limit("io", "an IO scheduler with weights"),
  ],
  ["linux.resources.blockIO.weightDevice[]", "leafWeight", v1Only("blkio")],
  ...["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"].map(
    (name) => [`linux.resources.blockIO.throttle${name}Device[]`, "major minor rate", limit("io")] as const,
  ),
  ["linux.resources.hugepageLimits[]", "pageSize limit", limit("hugetlb")],
  ["linux.resources.network", "classID", v1Only("net_cls")],
  ["linux.resources.network.priorities[]", "name priority", v1Only("net_prio")],
  ["linux.resources.rdma.*", "hcaHandles hcaObjects", limit("rdma")],
  ["linux.resources", "unified", limit("that the file belongs to", "cgroup v2; refused on v1")],
  [
    "linux",
    "cgroupsPath",
    rootless("below a cgroup that is delegated to the caller, or by the user's systemd"),
  ],
  ["linux.namespaces[]", "type", works],
  [
    "linux.namespaces[]",
    "path",
    rootless("a namespace whose user namespace the caller owns or joins as well"),
  ],
  ["linux.devices[]", "path", works],
  ["linux.devices[]", "type major minor fileMode uid gid", BOUND],
  [
    "linux.netDevices.*",
    "name",
    rootless("refused: taking a device from the host's network namespace needs root there"),
  ],
  ["linux.seccomp", "defaultAction defaultErrnoRet flags[] listenerPath listenerMetadata", SECCOMP],
  ["linux.seccomp", "architectures[]", when("those that the machine's libseccomp knows; others are refused")],
  ["linux.seccomp.syscalls[]", "names[] action errnoRet", SECCOMP],
  ["linux.seccomp.syscalls[].args[]", "index value valueTwo op", SECCOMP],
  ["linux", "rootfsPropagation maskedPaths[] readonlyPaths[]", works],
  ["linux", "mountLabel", when("a kernel with SELinux; else refused")],
  ["linux.intelRdt", "closID schemata[] l3CacheSchema memBwSchema enableMonitoring", RDT],
  ["linux.intelRdt", "enableCMT enableMBM", ignored("enableMonitoring has replaced it; a warning says so")],
  ["linux.memoryPolicy", "mode nodes flags[]", when("a kernel with NUMA; else refused")],
  ["linux.personality", "domain", works],
  ["linux.personality", "flags[]", ignored("the spec defines none; a warning says so")],
  ["linux.timeOffsets", "monotonic.secs monotonic.nanosecs boottime.secs boottime.nanosecs", OFFSET],
  ["", "windows vm solaris zos freebsd", ignored("for another platform")],
];

/** Support by config path. */
export const CONFORMANCE: ReadonlyMap<string, Support> = new Map(
  GROUPS.flatMap(([section, fields, support]) =>
    fields.split(" ").map((field) => [section === "" ? field : `${section}.${field}`, support] as const),
  ),
);
