/**
 * The config.json of tests: the output of `runc spec` and `runc spec --rootless`, without a terminal. It is a
 * copy with loose types, so that tests do not depend on the code under test.
 */
import { type Caller, subordinateRange } from "./caller.ts";

export interface TestMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface TestHook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export interface IdMap {
  containerID: number;
  hostID: number;
  size: number;
}

export interface TestSpec {
  ociVersion: string;
  process: {
    terminal?: boolean;
    consoleSize?: { height: number; width: number };
    user: { uid: number; gid: number; umask?: number; additionalGids?: number[] };
    args: string[];
    env: string[];
    cwd: string;
    capabilities?: Record<string, string[]>;
    rlimits?: { type: string; hard: number; soft: number }[];
    noNewPrivileges?: boolean;
    oomScoreAdj?: number;
  };
  root: { path: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts: TestMount[];
  hooks?: Record<string, TestHook[]>;
  annotations?: Record<string, string>;
  linux: {
    namespaces: { type: string; path?: string }[];
    uidMappings?: IdMap[];
    gidMappings?: IdMap[];
    sysctl?: Record<string, string>;
    seccomp?: object;
    devices?: object[];
    resources?: object;
    cgroupsPath?: string;
    rootfsPropagation?: string;
    maskedPaths?: string[];
    readonlyPaths?: string[];
  };
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** The capabilities that Docker grants, which most images expect. */
export const DOCKER_CAPABILITIES = [
  ..."CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE".split(
    " ",
  ),
  ..."SYS_CHROOT KILL AUDIT_WRITE".split(" "),
].map((name) => `CAP_${name}`);

/** The sets as in Docker: the same capabilities in three sets. The inheritable and ambient sets are empty. */
export function capabilitySets(names: readonly string[]): Record<string, string[]> {
  return { bounding: [...names], effective: [...names], permitted: [...names] };
}

function mounts(caller: Caller): TestMount[] {
  const rootless = caller.uid !== 0;
  const common = ["nosuid", "noexec", "nodev"];
  const sysfs: TestMount = rootless
    ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...common, "ro"] }
    : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...common, "ro"] };
  const devptsOptions = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  const list: TestMount[] = [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: rootless ? devptsOptions : [...devptsOptions, "gid=5"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...common, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: common },
    sysfs,
  ];
  if (!rootless) {
    const options = [...common, "relatime", "ro"];
    list.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options });
  }
  return list;
}

/** A complete spec for the caller. A user gets a map of one id, and root gets none. */
export function baseSpec(caller: Caller): TestSpec {
  const namespaces = ["pid", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type }));
  const spec: TestSpec = {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["/bin/true"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: capabilitySets(CAPABILITIES),
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: false },
    hostname: "brun-test",
    mounts: mounts(caller),
    linux: {
      namespaces,
      maskedPaths: [
        ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
        ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
  if (caller.uid === 0) namespaces.push({ type: "network" });
  else {
    namespaces.push({ type: "user" });
    spec.linux.uidMappings = [{ containerID: 0, hostID: caller.uid, size: 1 }];
    spec.linux.gidMappings = [{ containerID: 0, hostID: caller.gid, size: 1 }];
  }
  return spec;
}

/**
 * Makes a spec map 65,536 ids. A user's own id becomes 0, and the others are subordinate. Root's begin at
 * 100000.
 */
export function mapManyIds(spec: TestSpec, caller: Caller): void {
  const { namespaces } = spec.linux;
  if (!namespaces.some(({ type }) => type === "user")) namespaces.push({ type: "user" });
  const map = (own: number, file: "/etc/subuid" | "/etc/subgid"): IdMap[] => {
    if (caller.uid === 0) return [{ containerID: 0, hostID: 100000, size: 65536 }];
    const [first] = subordinateRange(caller, file);
    return [
      { containerID: 0, hostID: own, size: 1 },
      { containerID: 1, hostID: first, size: 65535 },
    ];
  };
  spec.linux.uidMappings = map(caller.uid, "/etc/subuid");
  spec.linux.gidMappings = map(caller.gid, "/etc/subgid");
}
