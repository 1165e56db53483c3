/** Where a container's cgroup is: the result of planning it. */

/** The transient unit that systemd keeps a cgroup for. */
export interface SystemdUnit {
  /** "brun-web.scope". */
  readonly name: string;
  readonly slice: string;
  /** Whether the caller's user manager keeps it; otherwise the system's does. */
  readonly user: boolean;
}

/**
 * Where a container's cgroup is. Plain data: state.json has it before anything is made, so that `delete` finds
 * what is left when brun is killed.
 */
export interface CgroupPlan {
  /** 2: the unified hierarchy alone; 1: a directory in each v1 hierarchy, and in the unified one of a hybrid host. */
  readonly version: 1 | 2;
  /**
   * Absolute directories by hierarchy: "" is the unified one, v1 names are as in /proc/self/cgroup
   * ("cpu,cpuacct", "name=systemd").
   */
  readonly paths: Readonly<Record<string, string>>;
  /**
   * Parent directories that brun has to make, deepest first. They are removed with the cgroup when they are empty.
   */
  readonly parents?: readonly string[] | undefined;
  readonly systemd?: SystemdUnit | undefined;
  /**
   * Cgroups below this one that the container manages, deepest first. Its processes are in the first of them, its
   * limits are above (annotations run.oci.delegate-cgroup and org.brun.nesting; v2 only).
   */
  readonly delegated?: readonly string[] | undefined;
  /** The caller has no rights over devices: rules for them are left out, as by runc and crun. */
  readonly rootless?: boolean | undefined;
  /**
   * Nothing in the spec needs the cgroup. It only separates the container from others, for example for the program
   * that manages it.
   */
  readonly optional?: true;
}
