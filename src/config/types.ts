/** A container's config after every decision and before any action: the input of src/init. */
import type { IdMaps } from "../../rootless/idmap.ts";
import type { Linux, Process, Spec } from "../spec/index.ts";
import type { CgroupPlan } from "./cgroup-plan.ts";

/** A namespace that is joined, not made. */
export interface Join {
  /** CLONE_NEW* flag of its type. */
  readonly flag: number;
  readonly path: string;
  /** Config path. */
  readonly where: string;
}

/** What user-namespace-first changed in the spec, and why. */
export interface Change {
  /** Config path. */
  readonly where: string;
  readonly what: string;
  readonly why: string;
  /** The source of a line of an id map: "caller", "/etc/subuid:1" or "getsubids". */
  readonly origin?: string;
  /** The change takes something from the container, so the caller is warned. */
  readonly warn?: true;
  /** The change is told only once for each state directory. The value is the flag that would decide otherwise. */
  readonly tellOnce?: "--userns" | "--proc";
}

/** A cgroup v1 or hybrid controller directory to bind below a `cgroup` mount. */
export interface CgroupBind {
  /** Directory below the mount: "memory". */
  readonly name: string;
  /** Path on the host. */
  readonly source: string;
}

/** System calls that the kernel, or a seccomp filter around brun, may lack, and that brun can replace. */
export type Replaceable = "close_range" | "mount_setattr" | "pidfd_open";

/** Facts that the last steps of any process depend on. */
export interface ProcessFacts {
  /** Size of the terminal when the spec gives none: rows, columns. */
  readonly terminalSize: readonly [number, number] | null;
  /** System calls that cannot be used here; absent when all can. */
  readonly lacking?: ReadonlySet<Replaceable> | undefined;
}

/** A bind mount's source. It is a symbolic link only if the mount asks to copy the link. */
export type Source = "dir" | "file" | { readonly link: string };

/** Facts about the host that the program of a new container depends on. */
export interface HostFacts extends ProcessFacts {
  /** The source of each bind mount, by index in spec.mounts: "dir", "file", or an errno when it cannot be reached. */
  readonly sources: ReadonlyMap<number, Source | number>;
  /** By the index of each id-mapped mount, the path of the user namespace that has its mappings. */
  readonly idmaps?: ReadonlyMap<number, string> | undefined;
  /** Bind mounts whose sources neither the container's root can reach, nor the caller without capabilities. */
  readonly hostOnly?: ReadonlySet<number> | undefined;
  /** By index in linux.devices, for devices that the host lacks: the path of a mount of a device that was made. */
  readonly devices?: ReadonlyMap<number, string> | undefined;
  /** Whether the host has the unified hierarchy at /sys/fs/cgroup. */
  readonly cgroup2: boolean;
  /** On a v1 or hybrid host: the directories that make up a `cgroup` mount. */
  readonly cgroupBinds: readonly CgroupBind[];
  /** With --no-pivot: mount points of the host's procfs and sysfs. */
  readonly kernelMounts?: readonly string[] | undefined;
}

/** A compiled seccomp filter. */
export interface SeccompFilter {
  readonly bpf: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  readonly notify: boolean;
}

/** The config of any process in a container: of its first one, and of those of `exec`. */
export interface ProcessConfig {
  /** The container's id. */
  readonly id: string;
  /** The caller is real root, and may mknod, mount anything and raise limits. */
  readonly privileged: boolean;
  /** setgroups(2) works. */
  readonly setgroups: boolean;
  /** The user namespace that is joined denies setgroups(2), so root's groups are dropped before. */
  readonly dropGroups?: true | undefined;
  readonly facts: ProcessFacts;
  readonly seccomp: SeccompFilter | null;
  readonly newKeyring: boolean;
  readonly preserveFds: number;
  /** The parts of the container's `linux` section that apply to the process, if there are any. */
  readonly placement?: Pick<Linux, "memoryPolicy" | "personality"> | undefined;
  /** Limits above the caller's own, which only root of the host may set, not root of a user namespace. */
  readonly raisedLimits?: Process["rlimits"] | undefined;
  /** Process 1 is an init, and the program is its child; absent for none. */
  readonly init?: boolean | undefined;
  /** The process is killed when brun, or the supervisor that takes its place, ends. */
  readonly dieWithParent?: boolean | undefined;
  /** Environment variables that the runtime adds (LISTEN_FDS, NOTIFY_SOCKET). */
  readonly extraEnv: readonly string[];
}

/** The config of a container. */
export interface ContainerConfig extends ProcessConfig {
  /** An absolute path. */
  readonly bundle: string;
  /** An absolute path. */
  readonly rootfs: string;
  /** The path of the root has no symbolic links. Opening it fails if there is one by then. */
  readonly realRoot?: true | undefined;
  /** The spec after user-namespace-first. */
  readonly spec: Spec;
  /** Namespaces to make: CLONE_NEW* flags. */
  readonly cloneFlags: number;
  readonly joins: readonly Join[];
  /** Id maps of a new user namespace, otherwise null. */
  readonly maps: IdMaps | null;
  /** The process writes its own single-id map. That needs no round trip, and setgroups(2) is denied. */
  readonly selfMapped: boolean;
  /** The container's root is another user than the caller, so the caller opens the sources of bind mounts before. */
  readonly openSources: boolean;
  readonly changes: readonly Change[];
  readonly facts: HostFacts;
  /** Its own cgroup; null when it stays in the caller's. */
  readonly cgroup: CgroupPlan | null;
  /** Cgroup v2 directory to clone into, or null. */
  readonly cloneInto: string | null;
  readonly noPivot: boolean;
  /** Path of the FIFO that `start` opens; null if the process goes on at procRun. */
  readonly execFifo: string | null;
}

/** The config of a process that joins a container. */
export interface ExecConfig extends ProcessConfig {
  readonly process: Process;
  /** CLONE_NEW* flags of the namespaces to join. */
  readonly namespaces: number;
  /** The container has a user namespace of its own. */
  readonly userNamespace: boolean;
  /** The container's process, whose namespaces are joined. */
  readonly target: { readonly pid: number; readonly startTime: string };
  /** The cgroup that the process enters by itself; absent if brun has put it there. */
  readonly enters?: CgroupPlan | undefined;
}
