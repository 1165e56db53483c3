/**
 * The config that `brun spec` writes, which is runc's example (libcontainer/specconv). Pure, since the
 * TypeScript API has it, too.
 */
import type { Linux } from "./linux.ts";
import type { Mount } from "./mounts.ts";
import type { Spec } from "./spec.ts";

/** Facts that the template depends on. */
export interface TemplateHost {
  readonly uid: number;
  readonly gid: number;
  /** Whether the host has the unified hierarchy: containers get a cgroup namespace then. */
  readonly cgroup2: boolean;
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

function mounts(rootless: boolean): Mount[] {
  const sysfs: Mount = {
    destination: "/sys",
    type: "sysfs",
    source: "sysfs",
    options: ["nosuid", "noexec", "nodev", "ro"],
  };
  const hostSys: Mount = {
    destination: "/sys",
    type: "none",
    source: "/sys",
    options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
  };
  const pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  return [
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
      options: rootless ? pts : [...pts, "gid=5"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
    {
      destination: "/dev/mqueue",
      type: "mqueue",
      source: "mqueue",
      options: ["nosuid", "noexec", "nodev"],
    },
    rootless ? hostSys : sysfs,
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
    },
  ];
}

function linux(rootless: boolean, host: TemplateHost): Linux {
  const maskedPaths = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
  ];
  const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
  const cgroup = host.cgroup2 ? [{ type: "cgroup" as const }] : [];
  if (rootless) {
    return {
      uidMappings: [{ containerID: 0, hostID: host.uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: host.gid, size: 1 }],
      namespaces: [
        { type: "pid" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        ...cgroup,
        { type: "user" },
      ],
      maskedPaths,
      readonlyPaths,
    };
  }
  return {
    resources: { devices: [{ allow: false, access: "rwm" }] },
    namespaces: [
      { type: "pid" },
      { type: "network" },
      { type: "ipc" },
      { type: "uts" },
      { type: "mount" },
      ...cgroup,
    ],
    maskedPaths,
    readonlyPaths,
  };
}

/**
 * An example config to start from.
 * @param rootless as `runc spec --rootless`: the caller's single id, the host's network and no limits. An ordinary
 *   user can also run the other one, which isolates more.
 */
export function exampleSpec(rootless: boolean, host: TemplateHost): Spec {
  return {
    ociVersion: "1.3.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "brun",
    mounts: mounts(rootless),
    // The user has not chosen this name, so a filter around brun may refuse it.
    annotations: { "org.brun.hostname": "try" },
    linux: linux(rootless, host),
  };
}
