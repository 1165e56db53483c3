/** Decides which cgroup a container gets, and makes nothing. */
import { BrunError } from "../errors.ts";
import { advice, type Fix, runAsRoot } from "../fix.ts";
import type { Resources } from "../spec/index.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { exists } from "../sys/fs.ts";
import { writable } from "./access.ts";
import { DELEGATE_WHERE, firstLimit } from "./demand.ts";
import { type CgroupHost, type Hierarchy, MOUNT_POINT } from "./host.ts";
import { below, cleanPath, expandSlice, isUnitPath, levelsBelow, parentOf, unitPath } from "./path.ts";
import type { CgroupManagerName, CgroupPlan } from "./types.ts";

/** What a container asks for. */
export interface CgroupRequest {
  readonly id: string;
  readonly manager: CgroupManagerName;
  /** The caller has no rights over the host's cgroups: it is not root, or is root of a user namespace. */
  readonly rootless: boolean;
  /** linux.cgroupsPath. */
  readonly cgroupsPath: string | undefined;
  readonly resources: Resources | undefined;
  /** Value of the annotation run.oci.delegate-cgroup. */
  readonly delegate?: string | undefined;
  /** The program may mount its cgroup, so it gets one below the container's, if possible. */
  readonly nests?: boolean | undefined;
}

/** Name of the cgroup for a program that {@link CgroupRequest.nests}. */
const NESTING_PART = "program";

/** The facts that planning asks for; tests give their own. */
export interface PlanView {
  readonly host: CgroupHost;
  /** The control group of the caller's systemd manager ("/" for the system's), or null if it does not answer. */
  readonly systemd: (user: boolean) => string | null;
  readonly exists: (path: string) => boolean;
  readonly writable: (path: string) => boolean;
  /** The caller's uid, for a remedy. It is 0 in a user namespace, where the uid on the host is not known. */
  readonly uid: number;
}

/** The view of this machine. */
export function machineView(host: CgroupHost, systemd: PlanView["systemd"]): PlanView {
  return { host, systemd, exists, writable, uid: syscall(NR.geteuid) };
}

/** How to let root of a container make cgroups. */
export const CGROUPS_WRITABLE =
  "start the outer container with --security-opt unmask=/sys/fs/cgroup (podman) or --privileged (docker)";

/** Whether root can make cgroups here: in a container /sys/fs/cgroup may be read-only or missing. */
export function cgroupsWritable({ host, writable }: PlanView): boolean {
  if (host.version === 0) return false;
  return host.hierarchies.every(({ mountPoint, own }) => writable(below(mountPoint, own ?? "/")));
}

/**
 * Plans the cgroup. Null means that the container stays in the caller's: nothing in its spec needs another, and
 * the caller cannot make one.
 * @throws BrunError what is asked for cannot be had
 */
export function planCgroup(request: CgroupRequest, view: PlanView): CgroupPlan | null {
  const plan = planOwn(request, view);
  if (plan === null || !(request.delegate || request.nests)) return plan;
  if (plan.version === 1) {
    if (!request.delegate) return plan;
    throw new BrunError(`${DELEGATE_WHERE} needs cgroup v2, and this host has cgroup v1`, {
      where: DELEGATE_WHERE,
    });
  }
  return { ...plan, delegated: levelsBelow(plan.paths[""]!, request.delegate || NESTING_PART) };
}

function planOwn(request: CgroupRequest, view: PlanView): CgroupPlan | null {
  const { manager, rootless, cgroupsPath } = request;
  const { host } = view;
  if (manager === "systemd" || (manager === "auto" && cgroupsPath && isUnitPath(cgroupsPath))) {
    return systemdPlan(request, view);
  }
  if (rootless && host.version !== 2) return refused(request, legacyReason(host), LEGACY_HINT);
  if (host.version === 0) {
    throw new BrunError("no cgroup hierarchy is mounted below /sys/fs/cgroup", {
      hint: "mount one, or add --cgroup-manager=disabled",
    });
  }
  if (host.version === 1) return legacyPlan(request, view);
  const mayAsk = manager === "auto" && rootless;
  // systemd expects to manage cgroups that it has made, so it is asked where it answers.
  if (mayAsk && !cgroupsPath && view.systemd(true) !== null) return systemdPlan(request, view);
  const directory = unifiedDirectory(request, view);
  if (directory !== null) return unifiedPlan(request, view, directory);
  if (mayAsk && view.systemd(true) !== null) return systemdPlan({ ...request, cgroupsPath: undefined }, view);
  return refused(
    request,
    "the caller has no cgroup of its own",
    `${delegationRemedy(view).hint}, ${DISABLE}`,
  );
}

/** How the caller can get a cgroup, depending on the cgroup it is in. */
export function delegationRemedy({ host, exists, uid }: Pick<PlanView, "host" | "exists" | "uid">): Fix {
  const own = host.hierarchies[0]?.own ?? null;
  if (exists("/run/systemd/system")) {
    const service = own === null ? undefined : /^\/system\.slice\/(?:.*\/)?([^/]+\.service)/.exec(own)?.[1];
    const linger = runAsRoot(
      `loginctl enable-linger ${uid || "USER"}`,
      " for a user manager that makes them",
    );
    // Jobs of cron are in cron's cgroup, which belongs to root.
    if (service === undefined || /^(cron|crond|cronie|atd|sshd?)\b/.test(service)) return linger;
    return { ...linger, hint: `add Delegate=yes to ${service} beside its User=, or ${linger.hint}` };
  }
  if (exists("/run/.containerenv")) {
    return advice("start the outer container with --cgroupns=private --security-opt unmask=/sys/fs/cgroup");
  }
  if (exists("/.dockerenv")) return advice("start the outer container with --privileged --cgroupns=private");
  return advice(
    "let root make a cgroup, give it and its cgroup.procs and cgroup.subtree_control to the caller, and put brun there",
    "root",
  );
}

const DISABLE = "or add --cgroup-manager=disabled to run without";
const LEGACY_HINT = `boot with systemd.unified_cgroup_hierarchy=1 for cgroup v2, ${DISABLE}`;

function legacyReason(host: CgroupHost): string {
  return host.version === 0
    ? "no cgroup hierarchy is mounted"
    : "this host has cgroup v1, where only root may make cgroups";
}

/** A container without a limit, a path or a delegated part can run without a cgroup. Otherwise it must not run. */
function refused(request: CgroupRequest, why: string, hint: string): null {
  const limit = firstLimit(request.resources);
  const where =
    limit ?? (request.cgroupsPath ? "linux.cgroupsPath" : request.delegate ? DELEGATE_WHERE : null);
  if (where === null) return null;
  throw new BrunError(`${where} cannot be honoured: ${why}`, { where, hint });
}

function systemdPlan(request: CgroupRequest, view: PlanView): CgroupPlan {
  const user = request.rootless;
  const { slice, unit } = unitPath(request.cgroupsPath, request.id, user);
  if (view.host.version !== 2) {
    throw new BrunError("brun uses systemd for cgroup v2 only, and this host has cgroup v1", {
      where: "--cgroup-manager",
      hint: user ? LEGACY_HINT : "add --cgroup-manager=cgroupfs",
    });
  }
  const manager = view.systemd(user);
  if (manager === null) {
    throw new BrunError(`systemd's ${user ? "user" : "system"} manager does not answer`, {
      where: "--systemd-cgroup",
      hint: user
        ? "systemctl --user status has to work: set XDG_RUNTIME_DIR, log in through PAM, or loginctl enable-linger"
        : "add --cgroup-manager=cgroupfs",
    });
  }
  const path = unit.endsWith(".slice") ? expandSlice(unit) : below(expandSlice(slice), unit);
  return {
    version: 2,
    paths: { "": below(MOUNT_POINT, below(manager, path)) },
    systemd: { name: unit, slice, user },
    rootless: request.rootless || undefined,
  };
}

/**
 * The directory for a cgroup without systemd. An absolute cgroupsPath is below the mount. Otherwise it is beside
 * the caller's cgroup, as in runc: that one has processes, so its children could not have limits. A user who may
 * write only to that one gets a child of it. Null if none of these may be written.
 */
function unifiedDirectory(request: CgroupRequest, view: PlanView): string | null {
  const inner = innerPath(request);
  const own = view.host.hierarchies[0]!.own ?? "/";
  if (request.cgroupsPath?.startsWith("/")) {
    const directory = below(MOUNT_POINT, inner);
    return request.rootless && !view.writable(nearest(directory, view)) ? null : directory;
  }
  const beside = below(MOUNT_POINT, parentOf(own));
  if (!request.rootless) return below(beside, inner);
  const parent = [beside, below(MOUNT_POINT, own)].find(
    (directory) => view.writable(directory) && view.writable(`${directory}/cgroup.procs`),
  );
  return parent === undefined ? null : below(parent, inner);
}

function innerPath(request: CgroupRequest): string {
  const inner = cleanPath(request.cgroupsPath || request.id);
  if (inner !== "") return inner;
  throw new BrunError(
    "linux.cgroupsPath names the root of the hierarchy, whose limits are not a container's",
    {
      where: "linux.cgroupsPath",
    },
  );
}

function unifiedPlan(request: CgroupRequest, view: PlanView, directory: string): CgroupPlan {
  return {
    version: 2,
    paths: { "": directory },
    parents: missingParents([directory], view),
    rootless: request.rootless || undefined,
  };
}

function legacyPlan(request: CgroupRequest, view: PlanView): CgroupPlan {
  if (Object.keys(request.resources?.unified ?? {}).length > 0) {
    throw new BrunError("linux.resources.unified needs cgroup v2, and this host has cgroup v1", {
      where: "linux.resources.unified",
    });
  }
  const inner = innerPath(request);
  const absolute = request.cgroupsPath?.startsWith("/") === true;
  const base = (h: Hierarchy) => (absolute ? h.mountPoint : below(h.mountPoint, h.own ?? "/"));
  const paths: Record<string, string> = {};
  for (const hierarchy of view.host.hierarchies) paths[hierarchy.name] = below(base(hierarchy), inner);
  return { version: 1, paths, parents: missingParents(Object.values(paths), view) };
}

/** Directories above the given ones that do not exist yet, deepest first. */
function missingParents(directories: readonly string[], view: PlanView): string[] | undefined {
  const missing: string[] = [];
  for (const directory of directories) {
    for (let at = parentOf(directory); at !== "/" && !view.exists(at); at = parentOf(at)) missing.push(at);
  }
  return missing.length === 0 ? undefined : missing.sort((a, z) => z.length - a.length);
}

/** The directory itself, or the nearest one above it that exists. */
function nearest(directory: string, view: PlanView): string {
  let at = directory;
  while (at !== "/" && !view.exists(at)) at = parentOf(at);
  return at;
}
