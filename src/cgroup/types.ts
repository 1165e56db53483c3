/** Types that the parts of the cgroup code share. */
import type { CgroupPlan } from "../config/cgroup-plan.ts";

export type { CgroupPlan, SystemdUnit } from "../config/cgroup-plan.ts";

/** `--cgroup-manager`. */
export type CgroupManagerName = "auto" | "systemd" | "cgroupfs" | "disabled";

/** A value for a file of a cgroup. */
export interface Write {
  /** The controller of the file; on v1 also the hierarchy. */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** The config path of the value. */
  readonly where: string;
  /** Errnos that are ignored. */
  readonly ignore?: readonly number[] | undefined;
  /**
   * If this write is refused with EINVAL or EBUSY it is tried again after the others, since the right order
   * depends on the present values.
   */
  readonly again?: boolean | undefined;
}

/**
 * The directory of a v1 controller, or that of the unified hierarchy for every controller; undefined if there is
 * none.
 */
export function directoryOf(plan: CgroupPlan, controller: string): string | undefined {
  if (plan.version === 2) return plan.paths[""];
  for (const name in plan.paths) {
    if (name === controller || name.split(",").includes(controller)) return plan.paths[name];
  }
  return undefined;
}
