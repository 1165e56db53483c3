/** The decision where a container's cgroup is. */

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
  /**
   * Cgroups below it for the container to manage, deepest first: its processes are in the first of them, its limits
   * above (annotations run.oci.delegate-cgroup and org.brun.nesting; v2 only).
   */
  readonly delegated?: readonly string[] | undefined;
  /** Of a caller without rights over devices: rules for them are left out, as by runc and crun. */
  readonly rootless?: boolean | undefined;
  /** Nothing in the spec needs it: it is for who manages the container, or for others to be apart from it. */
  readonly optional?: true;
}
