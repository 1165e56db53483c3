/** Removes a cgroup. */
import { BrunError } from "../errors.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { exists, rmdir } from "../sys/fs.ts";
import { childrenOf } from "./access.ts";
import { signalAll } from "./kill.ts";
import { stopUnit } from "./systemd/manager.ts";
import type { CgroupPlan, SystemdUnit } from "./types.ts";

const TIMEOUT_MS = 10_000;

/** Whether any directory of a cgroup is left. */
export function cgroupExists(plan: CgroupPlan): boolean {
  return Object.values(plan.paths).some((path) => exists(path));
}

/**
 * Kills the remaining processes and removes the cgroup with everything below it. Also removes the parents that
 * were made for it, if they are empty. A missing directory is no error. Throws a SysError.
 */
export function removeCgroup(plan: CgroupPlan): void {
  const directories = Object.values(plan.paths).filter((path) => exists(path));
  if (plan.systemd !== undefined && directories.length > 0) endUnit(plan, plan.systemd);
  const busy = directories.filter((path) => !removeTree(path));
  if (busy.length > 0) {
    signalAll(plan, 9);
    for (const path of busy) removeWhenEmpty(path);
  }
  for (const parent of plan.parents ?? []) rmdir(parent);
}

/** systemd removes the cgroup with the unit. If it does not answer, brun has to remove the directories. */
function endUnit(plan: CgroupPlan, unit: SystemdUnit): void {
  signalAll(plan, 9);
  try {
    stopUnit(unit);
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
  }
}

/** Removes a directory and those below it. Returns false if one has processes. */
function removeTree(directory: string): boolean {
  const result = rmdir(directory);
  if (result === 0 || result === -E.ENOENT) return true;
  if (result !== -E.EBUSY && result !== -E.ENOTEMPTY)
    throw new SysError(`remove the cgroup ${directory}`, -result);
  const children = childrenOf(directory);
  if (children.length === 0 || !children.map(removeTree).every(Boolean)) return false;
  const again = rmdir(directory);
  return again === 0 || again === -E.ENOENT;
}

/** Killed processes take a moment to leave. */
function removeWhenEmpty(directory: string): void {
  const deadline = performance.now() + TIMEOUT_MS;
  for (let pause = 0.2; !removeTree(directory); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) throw new SysError(`remove the cgroup ${directory}`, E.EBUSY);
    Bun.sleepSync(pause);
  }
}
