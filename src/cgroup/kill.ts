/** Signals for every process of a container, none of which can escape by forking. */
import { NR, syscall } from "../sys/ffi.ts";
import { tryWriteTo } from "./access.ts";
import { freeze, isFrozen, thaw } from "./freezer.ts";
import { pidsIn, processDirectory } from "./processes.ts";
import type { CgroupPlan } from "./types.ts";

const SIGKILL = 9;

/** Sends a signal to all processes. Throws a SysError when they cannot be listed. */
export function signalAll(plan: CgroupPlan, signal: number): void {
  if (signal === SIGKILL && killUnified(plan)) return;
  const held = hold(plan);
  for (const pid of pidsIn(processDirectory(plan))) syscall(NR.kill, pid, signal);
  // On v1 a frozen process does not even die; on v2 it does.
  if (held || (signal === SIGKILL && plan.version === 1)) release(plan);
}

/** cgroup.kill (Linux 5.14), which a hybrid host has too. It does not reach what v1 has frozen until that thaws. */
function killUnified(plan: CgroupPlan): boolean {
  const directory = plan.paths[""];
  if (directory === undefined || tryWriteTo(directory, "cgroup.kill", "1") < 0) return false;
  if (plan.version === 1) release(plan);
  return true;
}

/** Freezes what runs, so that no process forks past the signal; returns whether it did. */
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
    // It has no freezer, or is gone.
  }
}
