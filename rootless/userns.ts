/** Why this machine refuses a user namespace, or a mount of /proc in one, and what would change that. */
import { BrunError } from "../src/errors.ts";
import { E, errnoName } from "../src/sys/errno.ts";
import { readTextIfThere, tryStat } from "../src/sys/fs.ts";

/** A cause that was found, and the command or setting that removes it. */
export interface Diagnosis {
  readonly cause: string;
  readonly fix: string;
}

/** What a diagnosis looks at; the host, or a test's fixtures. */
export interface HostView {
  /** Text of a file; null when it is not there or not readable. */
  readonly read: (path: string) => string | null;
  /** Identity of a file ("device:inode"), or null. */
  readonly identity: (path: string) => string | null;
  readonly uid: number;
  readonly gid: number;
}

/** The machine itself, seen by a process with these effective ids. */
export function hostView(uid: number, gid: number): HostView {
  return { uid, gid, read, identity };
}

function read(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch {
    return null; // not readable for this caller: no evidence either way
  }
}

function identity(path: string): string | null {
  const stat = tryStat(path);
  return typeof stat === "number" ? null : `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
}

/** The error of a clone3(2) or unshare(2) with CLONE_NEWUSER that failed with `errno` (positive). */
export function userNamespaceError(errno: number, host: HostView): BrunError {
  const diagnosis = explainUserNamespace(errno, host);
  const why = diagnosis === null ? "" : `: ${diagnosis.cause}`;
  return new BrunError(`cannot create a user namespace: ${errnoName(errno)}${why}`, { hint: diagnosis?.fix });
}

/**
 * The most likely cause of a refused user namespace (clone(2), user_namespaces(7)), or null.
 * @param errno EPERM, ENOSPC, EUSERS, EINVAL or EAGAIN, positive
 */
export function explainUserNamespace(errno: number, host: HostView): Diagnosis | null {
  switch (errno) {
    case E.EPERM:
      return explainPermission(host);
    case E.ENOSPC:
    case E.EUSERS:
      return explainLimit(host);
    case E.EINVAL:
      if (host.read("/proc/self/status") !== null && host.identity("/proc/self/ns/user") === null) {
        return {
          cause: "this kernel is built without user namespaces",
          fix: "boot a kernel with CONFIG_USER_NS=y",
        };
      }
      return null;
    case E.EAGAIN:
      return {
        cause: "the user has reached its limit of processes (RLIMIT_NPROC) or the cgroup its pids.max",
        fix: 'end some processes, or raise "ulimit -u" or TasksMax=',
      };
    default:
      return null;
  }
}

function explainPermission(host: HostView): Diagnosis | null {
  if (sysctl(host, "kernel/unprivileged_userns_clone") === 0) {
    return sysctlFix("kernel.unprivileged_userns_clone is 0", "kernel.unprivileged_userns_clone=1");
  }
  const restricted = explainAppArmor(host);
  if (restricted !== null) return restricted;
  for (const [kind, id] of [
    ["uid", host.uid],
    ["gid", host.gid],
  ] as const) {
    if (mapsId(host.read(`/proc/self/${kind}_map`), id)) continue;
    return {
      cause: `the caller's ${kind} is not mapped in the user namespace that it is in`,
      fix: `map it there (see /proc/self/${kind}_map), or start brun outside`,
    };
  }
  if (inChroot(host)) {
    return {
      cause: "brun runs in a chroot, where the kernel allows no new user namespace",
      fix: "enter the directory by other means: bwrap --bind DIR / or systemd-nspawn -D DIR",
    };
  }
  if (hasSeccompFilter(host)) {
    return {
      cause: "a seccomp filter on this process forbids it, probably that of an outer container",
      fix: "start the outer container with --security-opt seccomp=unconfined (Kubernetes: seccompProfile.type: Unconfined)",
    };
  }
  return null;
}

/**
 * AppArmor's restriction (Ubuntu 23.10 and later): the namespace is refused, or it is made and every use of a
 * capability inside it fails with EACCES or EPERM, a write of uid_map among them. Null when it is off.
 */
export function explainAppArmor(host: HostView): Diagnosis | null {
  if (sysctl(host, "kernel/apparmor_restrict_unprivileged_userns") !== 1) return null;
  const profile = host.read("/proc/self/attr/apparmor/current") ?? host.read("/proc/self/attr/current");
  if (profile !== null && !/^unconfined\b|^unprivileged_userns\b/.test(profile)) return null;
  return sysctlFix(
    "AppArmor denies it to programs without a profile (kernel.apparmor_restrict_unprivileged_userns is 1)",
    "kernel.apparmor_restrict_unprivileged_userns=0",
  );
}

const DEFAULT_LIMIT = 15_000;

function explainLimit(host: HostView): Diagnosis | null {
  const limit = sysctl(host, "user/max_user_namespaces");
  if (limit === 0) {
    return sysctlFix("user.max_user_namespaces is 0", `user.max_user_namespaces=${DEFAULT_LIMIT}`);
  }
  for (const kind of ["mnt", "pid", "ipc", "uts", "net", "cgroup", "time"]) {
    const name = `max_${kind}_namespaces`;
    if (sysctl(host, `user/${name}`) !== 0) continue;
    return sysctlFix(`user.${name} is 0`, `user.${name}=${DEFAULT_LIMIT}`);
  }
  const more = limit === null ? DEFAULT_LIMIT : Math.max(DEFAULT_LIMIT, limit * 2);
  const { fix } = sysctlFix("", `user.max_user_namespaces=${more}`);
  return {
    cause: `the user's limit of namespaces (${limit ?? "user.max_user_namespaces"}) or the kernel's 32 levels of nesting are reached`,
    fix: `${fix}; "lsns -t user" lists the namespaces`,
  };
}

function sysctlFix(cause: string, setting: string): Diagnosis {
  return {
    cause,
    fix: `run "sysctl -w ${setting}" as root, and put ${setting} into /etc/sysctl.d/90-userns.conf to keep it`,
  };
}

function sysctl(host: HostView, name: string): number | null {
  const text = host.read(`/proc/sys/${name}`)?.trim();
  return text === undefined || !/^\d+$/.test(text) ? null : Number(text);
}

function mapsId(map: string | null, id: number): boolean {
  if (map === null) return true; // no evidence
  return map.split("\n").some((line) => {
    const [first, , size] = line.trim().split(/\s+/).map(Number);
    return first !== undefined && size !== undefined && id >= first && id < first + size;
  });
}

function hasSeccompFilter(host: HostView): boolean {
  return /^Seccomp:\s*2$/m.test(host.read("/proc/self/status") ?? "");
}

/** A chroot shows in a mount table without a root, or, where init may be looked at, in another root. */
function inChroot(host: HostView): boolean {
  const mounts = host.read("/proc/self/mountinfo");
  if (mounts !== null && mounts !== "" && !mountPoints(mounts).some((m) => m.point === "/")) return true;
  const init = host.identity("/proc/1/root/");
  const mountNamespace = host.identity("/proc/1/ns/mnt");
  if (init === null || mountNamespace === null) return false;
  return mountNamespace === host.identity("/proc/self/ns/mnt") && init !== host.identity("/");
}

/**
 * Why a new procfs may not be mounted (EPERM) although the user and pid namespaces are new: the kernel only
 * allows it where a procfs is wholly visible already, and an outer container masks parts of its /proc or has
 * it read-only. Null when nothing lies over /proc.
 */
export function explainProcMountRefusal(host: HostView): Diagnosis | null {
  const mounts = mountPoints(host.read("/proc/self/mountinfo") ?? "");
  const proc = mounts.filter((m) => m.point === "/proc" && m.type === "proc").at(-1);
  // Directories made to be mounted on stay empty below and hide nothing.
  const masks = mounts
    .map((m) => m.point)
    .filter(
      (point) =>
        point.startsWith("/proc/") && point !== "/proc/sys/fs/binfmt_misc" && point !== "/proc/fs/nfsd",
    );
  if (proc === undefined) {
    return {
      cause:
        "no procfs is mounted on /proc here, and the kernel only lets one be mounted where one is visible",
      fix: "mount /proc outside first",
    };
  }
  const unmask =
    "start the outer container with --security-opt unmask=ALL (podman), --security-opt systempaths=unconfined (docker) or procMount: Unmasked (Kubernetes)";
  const instead = `or bind the outer /proc: {"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]} without a new pid namespace`;
  if (masks.length > 0) {
    const some = [...new Set(masks)].slice(0, 3).join(", ");
    const more = masks.length > 3 ? ` and ${masks.length - 3} more` : "";
    return {
      cause: `an outer container masks parts of /proc (${some}${more})`,
      fix: `${unmask}, ${instead}`,
    };
  }
  if (proc.readOnly) return { cause: "the outer /proc is mounted read-only", fix: `${unmask}, ${instead}` };
  return null;
}

interface MountPoint {
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
}

/** Mount points of a mountinfo text (proc_pid_mountinfo(5)), in order. */
function mountPoints(text: string): MountPoint[] {
  const mounts: MountPoint[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    if (separator < 0) continue;
    const point = fields[4]!.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    mounts.push({
      point,
      type: fields[separator + 1] ?? "",
      readOnly: fields[5]!.split(",").includes("ro"),
    });
  }
  return mounts;
}
