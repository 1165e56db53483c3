/** What the parts of the cgroup code speak in. */
import type { CgroupPlan } from "../config/cgroup-plan.ts";

export type { CgroupPlan, SystemdUnit } from "../config/cgroup-plan.ts";

/** `--cgroup-manager`. */
export type CgroupManagerName = "auto" | "systemd" | "cgroupfs" | "disabled";

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
