/** A container's cgroup as it is planned, recorded and used. */

/** The transient unit that systemd keeps a cgroup for. */
export interface SystemdUnit {
  /** "brun-web.scope". */
  readonly name: string;
  readonly slice: string;
  /** Of the caller's user manager, not of the system's. */
  readonly user: boolean;
}

/**
 * Where a container's cgroup is. Plain data: it is kept in state.json, written before anything is made, so that
 * whatever brun leaves when it is killed can be found.
 */
export interface CgroupPlan {
  /** 2: the unified hierarchy alone; 1: a directory in each v1 hierarchy, and in the unified one of a hybrid host. */
  readonly version: 1 | 2;
  /**
   * Absolute directories by hierarchy: "" is the unified one, v1 names are as in /proc/self/cgroup
   * ("cpu,cpuacct", "name=systemd").
   */
  readonly paths: Readonly<Record<string, string>>;
  /** Parent directories that did not exist, deepest first: removed with the cgroup when they are empty. */
  readonly parents?: readonly string[] | undefined;
  readonly systemd?: SystemdUnit | undefined;
  /** Of a caller without rights over devices: rules for them are left out, as by runc and crun. */
  readonly rootless?: boolean | undefined;
}

/** A value for a file of a cgroup. */
export interface Write {
  /** Controller that has the file; on v1 the hierarchy to write in. */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** Config path that it comes from. */
  readonly where: string;
  /** Errnos that are no failure. */
  readonly ignore?: readonly number[] | undefined;
  /** Refused with EINVAL or EBUSY it is tried again after the others: the order depends on the present values. */
  readonly again?: boolean | undefined;
}

/** The directory of a v1 controller, or of the unified hierarchy for every controller; undefined without it. */
export function directoryOf(plan: CgroupPlan, controller: string): string | undefined {
  if (plan.version === 2) return plan.paths[""];
  for (const name in plan.paths) {
    if (name === controller || name.split(",").includes(controller)) return plan.paths[name];
  }
  return undefined;
}
