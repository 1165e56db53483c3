/** Sends signals to every process of a container, so that none can escape by forking. */
import { NR, syscall } from "../sys/ffi.ts";
import { tryWriteTo } from "./access.ts";
import { freeze, isFrozen, thaw } from "./freezer.ts";
import { pidsIn, processDirectory } from "./processes.ts";
import type { CgroupPlan } from "./types.ts";

const SIGKILL = 9;

/** Sends a signal to all processes. Throws a SysError if they cannot be listed. */
export function signalAll(plan: CgroupPlan, signal: number): void {
  if (signal === SIGKILL && killUnified(plan)) return;
  const held = hold(plan);
  for (const pid of pidsIn(processDirectory(plan))) syscall(NR.kill, pid, signal);
  // On v1 even SIGKILL waits until a process is thawed; on v2 it does not.
  if (held || (signal === SIGKILL && plan.version === 1)) release(plan);
}

/**
 * Uses cgroup.kill (Linux 5.14), which hybrid hosts have, too. Processes that v1 has frozen die only when they are
 * thawed.
 */
function killUnified(plan: CgroupPlan): boolean {
  const directory = plan.paths[""];
  if (directory === undefined || tryWriteTo(directory, "cgroup.kill", "1") < 0) return false;
  if (plan.version === 1) release(plan);
  return true;
}

/** Freezes the cgroup, so that no process can fork before it gets the signal. Returns whether it was frozen here. */
function hold(plan: CgroupPlan): boolean {
  try {
    if (isFrozen(plan)) return false;
    freeze(plan);
    return true;
  } catch {
    return false;
  }
}

function release(plan: CgroupPlan): void {
  try {
    thaw(plan);
  } catch {
    // There is no freezer, or the cgroup is gone.
  }
}
