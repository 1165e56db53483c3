/** A container's config with everything decided and nothing done: what src/init compiles. */
import type { IdMaps } from "../../rootless/idmap.ts";
import type { Linux, Process, Spec } from "../spec/index.ts";
import type { CgroupPlan } from "./cgroup-plan.ts";

/** A namespace to join instead of to make. */
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
  /** Of a line of an id map: "caller", "/etc/subuid:1" or "getsubids". */
  readonly origin?: string;
  /** It takes something from the container: told whoever starts it. */
  readonly warn?: true;
  /** It is told once for each state directory, and not each time: the flag that decides it otherwise. */
  readonly tellOnce?: "--userns" | "--proc";
}

/** A cgroup v1 or hybrid controller directory to bind below a `cgroup` mount. */
export interface CgroupBind {
  /** Directory below the mount: "memory". */
  readonly name: string;
  /** Path on the host. */
  readonly source: string;
}

/** System calls that the kernel, or a seccomp filter around brun, may lack: there is another way. */
export type Replaceable = "close_range" | "mount_setattr" | "pidfd_open";

/** Facts that the last steps of any process depend on. */
export interface ProcessFacts {
  /** Which of 0 to 2 may be given to the process's user (pipes and sockets; a device is never given away). */
  readonly ownStdio: readonly number[];
  /** Size of the terminal when the spec gives none: rows, columns. */
  readonly terminalSize: readonly [number, number] | null;
  /** System calls that are done without here; absent when there are none. */
  readonly lacking?: ReadonlySet<Replaceable> | undefined;
}

/** What a bind mount's source is: a symbolic link only where the mount asks to copy it. */
export type Source = "dir" | "file" | { readonly link: string };

/** Facts about the host that the program of a new container depends on. */
export interface HostFacts extends ProcessFacts {
  /** Of each bind mount's source, by index in spec.mounts: "dir", "file", or an errno when it cannot be reached. */
  readonly sources: ReadonlyMap<number, Source | number>;
  /** Of each id-mapped mount: path of the user namespace that has its mappings. */
  readonly idmaps?: ReadonlyMap<number, string> | undefined;
  /** Bind mounts whose sources the container's root cannot reach, nor the caller without its capabilities. */
  readonly hostOnly?: ReadonlySet<number> | undefined;
  /** Of devices that the host lacks, by index in linux.devices: path of a mount of one that has been made. */
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

/** What any process in a container needs: its first one, and those of `exec`. */
export interface ProcessConfig {
  /** Of the container. */
  readonly id: string;
  /** Real root: may mknod, mount what it likes, raise limits. */
  readonly privileged: boolean;
  /** setgroups(2) works. */
  readonly setgroups: boolean;
  /** The user namespace that is joined denies it: root's groups go before. */
  readonly dropGroups?: true | undefined;
  readonly facts: ProcessFacts;
  readonly seccomp: SeccompFilter | null;
  readonly newKeyring: boolean;
  readonly preserveFds: number;
  /** What the process takes over from the container's `linux` section, when there is something. */
  readonly placement?: Pick<Linux, "memoryPolicy" | "personality"> | undefined;
  /** Limits above the caller's own, which only root of the host may set, not root of a user namespace. */
  readonly raisedLimits?: Process["rlimits"] | undefined;
  /** An init is process 1, and the program its child; absent for none. */
  readonly init?: boolean | undefined;
  /** The process is killed when brun, or the supervisor that takes its place, ends. */
  readonly dieWithParent?: boolean | undefined;
  /** Environment variables that the runtime adds (LISTEN_FDS, NOTIFY_SOCKET). */
  readonly extraEnv: readonly string[];
}

/** The config of a container. */
export interface ContainerConfig extends ProcessConfig {
  /** Absolute. */
  readonly bundle: string;
  /** Absolute. */
  readonly rootfs: string;
  /** It has no symbolic links, and is not opened if one is on it by then. */
  readonly realRoot?: true | undefined;
  /** The spec after user-namespace-first. */
  readonly spec: Spec;
  /** Namespaces to make: CLONE_NEW* flags. */
  readonly cloneFlags: number;
  readonly joins: readonly Join[];
  /** Id maps of a new user namespace, else null. */
  readonly maps: IdMaps | null;
  /** The process writes its own single-id map: no round trip, and setgroups(2) is denied. */
  readonly selfMapped: boolean;
  /** The container's root is another user than the caller, who so opens the sources of bind mounts first. */
  readonly openSources: boolean;
  readonly changes: readonly Change[];
  readonly facts: HostFacts;
  /** Its own cgroup; null when it stays in the caller's. */
  readonly cgroup: CgroupPlan | null;
  /** Cgroup v2 directory to clone into, or null. */
  readonly cloneInto: string | null;
  readonly noPivot: boolean;
  /** Path of the FIFO that `start` opens, or null to go on at procRun. */
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
}
