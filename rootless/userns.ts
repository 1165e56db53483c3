/** Explains why this machine refuses a user namespace, and how to change that. */
import { BrunError } from "../src/errors.ts";
import { advice, type Fix, runAsRoot } from "../src/fix.ts";
import { E, errnoName } from "../src/sys/errno.ts";
import { explainConfinement, explainRestriction } from "./apparmor.ts";
import { type Diagnosis, type HostView, mountPoints } from "./host-view.ts";
import { hasSeccompFilter, outerName, outerRemedy } from "./outer.ts";

/** The text for a refusal without a visible cause. */
const NOT_SEEN = "the kernel allows none in a chroot, and a security policy of the machine may forbid it";

/** The error of a clone3(2) or unshare(2) with CLONE_NEWUSER that failed with `errno` (positive). */
export function userNamespaceError(errno: number, host: HostView): BrunError {
  const diagnosis = explainUserNamespace(errno, host);
  const why = diagnosis === null ? "" : `: ${diagnosis.cause}`;
  const refused = errno === E.EPERM || errno === E.EACCES;
  return new BrunError(`cannot create a user namespace: ${errnoName(errno)}${why}`, {
    code: errnoName(errno),
    fix: diagnosis?.fix,
    hint: diagnosis === null && refused ? NOT_SEEN : undefined,
  });
}

/**
 * The most likely cause of a refused user namespace (clone(2), user_namespaces(7)), or null.
 * @param errno EPERM, EACCES (AppArmor's), ENOSPC, EUSERS, EINVAL or EAGAIN, positive
 */
export function explainUserNamespace(errno: number, host: HostView): Diagnosis | null {
  switch (errno) {
    case E.EPERM:
      return explainPermission(host);
    case E.EACCES:
      return explainRestriction(host) ?? explainConfinement(host);
    case E.ENOSPC:
    case E.EUSERS:
      return explainLimit(host);
    case E.EINVAL:
      if (host.read("/proc/self/status") !== null && host.identity("/proc/self/ns/user") === null) {
        return {
          cause: "this kernel is built without user namespaces",
          fix: advice("boot a kernel with CONFIG_USER_NS=y", "root"),
        };
      }
      return null;
    case E.EAGAIN:
      return {
        cause: "the user has reached its limit of processes (RLIMIT_NPROC) or the cgroup its pids.max",
        fix: advice('end some processes, or raise "ulimit -u" or TasksMax='),
      };
    default:
      return null;
  }
}

function explainPermission(host: HostView): Diagnosis | null {
  if (sysctl(host, "kernel/unprivileged_userns_clone") === 0) {
    return {
      cause: "kernel.unprivileged_userns_clone is 0",
      fix: sysctlFix("kernel.unprivileged_userns_clone=1"),
    };
  }
  const restricted = explainRestriction(host);
  if (restricted !== null) return restricted;
  for (const [kind, id] of [
    ["uid", host.uid],
    ["gid", host.gid],
  ] as const) {
    if (mapsId(host.read(`/proc/self/${kind}_map`), id)) continue;
    return {
      cause: `the caller's ${kind} is not mapped in the user namespace that it is in`,
      fix: advice(`map it there (see /proc/self/${kind}_map), or start brun outside`),
    };
  }
  if (inChroot(host)) {
    return {
      cause: "brun runs in a chroot, where the kernel allows no new user namespace",
      fix: advice("enter the directory by other means: bwrap --bind DIR / or systemd-nspawn -D DIR"),
    };
  }
  if (hasSeccompFilter(host)) {
    return {
      cause: `a seccomp filter on this process forbids it, probably that of ${outerName(host)}`,
      fix: advice(outerRemedy("filter", host)),
    };
  }
  return null;
}

const CAP_SETFCAP = 1n << 31n;

/**
 * Explains that root may not map itself into a new user namespace. Since Linux 5.12 that takes CAP_SETFCAP
 * (user_namespaces(7)), which a container without capabilities lacks. Null if that is not the case.
 */
export function explainRootMap({ uid, read }: HostView): Diagnosis | null {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read("/proc/self/status") ?? "")?.[1];
  if (uid !== 0 || effective === undefined || (BigInt(`0x${effective}`) & CAP_SETFCAP) !== 0n) return null;
  return {
    cause: "root without CAP_SETFCAP may not be mapped",
    fix: advice(
      "start brun as another user than root, or with CAP_SETFCAP (podman and docker: --user 1000 or --cap-add SETFCAP; Kubernetes: runAsUser: 1000)",
    ),
  };
}

const DEFAULT_LIMIT = 15_000;

function explainLimit(host: HostView): Diagnosis | null {
  const limit = sysctl(host, "user/max_user_namespaces");
  if (limit === 0) {
    return {
      cause: "user.max_user_namespaces is 0",
      fix: sysctlFix(`user.max_user_namespaces=${DEFAULT_LIMIT}`),
    };
  }
  for (const kind of ["mnt", "pid", "ipc", "uts", "net", "cgroup", "time"]) {
    const name = `max_${kind}_namespaces`;
    if (sysctl(host, `user/${name}`) !== 0) continue;
    return { cause: `user.${name} is 0`, fix: sysctlFix(`user.${name}=${DEFAULT_LIMIT}`) };
  }
  const more = limit === null ? DEFAULT_LIMIT : Math.max(DEFAULT_LIMIT, limit * 2);
  return {
    cause: `the user's limit of namespaces (${limit ?? "user.max_user_namespaces"}) or the kernel's 32 levels of nesting are reached`,
    fix: sysctlFix(`user.max_user_namespaces=${more}`, '; "lsns -t user" lists the namespaces'),
  };
}

function sysctlFix(setting: string, more = ""): Fix {
  return runAsRoot(
    `sysctl -w ${setting}`,
    `, and put ${setting} into /etc/sysctl.d/90-userns.conf to keep it${more}`,
  );
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

/** A chroot shows in a mount table without a root. If init may be looked at, it also shows in another root. */
function inChroot(host: HostView): boolean {
  const mounts = host.read("/proc/self/mountinfo");
  if (mounts !== null && mounts !== "" && !mountPoints(mounts).some((m) => m.point === "/")) return true;
  const init = host.identity("/proc/1/root/");
  const mountNamespace = host.identity("/proc/1/ns/mnt");
  if (init === null || mountNamespace === null) return false;
  return mountNamespace === host.identity("/proc/self/ns/mnt") && init !== host.identity("/");
}

export { hostView } from "./host-view.ts";
export { explainProcMountRefusal } from "./proc-mount.ts";
