/** `brun kill`: a signal for the container's process, or for all of its processes. */
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import { BrunError } from "../errors.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { cgroups } from "./cgroup.ts";
import { holdNamespace, signalAllIn } from "./own-namespace.ts";
import { openProcess, signalProcess } from "./process.ts";
import { processes } from "./ps.ts";
import { statusOf } from "./status.ts";
import { requireState, type StoredState } from "./store.ts";
import { killAndWait } from "./terminate.ts";
import type { Runtime } from "./types.ts";

const SIGKILL = 9;

/**
 * Sends a signal. With `all` to every process of the container, also when its first process has ended.
 * Throws a BrunError "container not running" when there is nothing to signal.
 */
export function kill(rt: Runtime, id: string, signal: number, all: boolean): void {
  const stored = requireState(rt.root, id);
  const { cgroup } = stored;
  if (stored.creating && statusOf(rt.root, stored) === "creating") {
    throw new BrunError("cannot signal a container that is still being made", {
      code: "ERR_STATE",
      hint: "end the brun that makes it: it undoes what it has done",
    });
  }
  all ||= signal === SIGKILL && stored.sharesPids === true;
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd < 0) {
    if (all) signalAll(stored, false, signal);
    if (all) return;
    throw new BrunError("container not running", { code: "ERR_STATE" });
  }
  try {
    if (all && signalAll(stored, true, signal)) return;
    if (all) for (const pid of processes(rt, id)) if (pid !== stored.pid) syscall(NR.kill, pid, signal);
    const result = signalProcess(pidfd, signal);
    if (result === -E.ESRCH) throw new BrunError("process already finished", { code: "ERR_STATE" });
    if (result < 0) throw new SysError(`signal container ${id}`, -result);
    // What is frozen on cgroup v1 does not die before it thaws.
    if (signal === SIGKILL && cgroup?.version === 1) thaw(cgroup);
  } finally {
    close(pidfd);
  }
}

/** To all that the cgroup or the namespace tells; false where neither does. */
function signalAll(stored: StoredState, alive: boolean, signal: number): boolean {
  if (stored.cgroup !== undefined) cgroups().signalAll(stored.cgroup, signal);
  else if (stored.namespace === undefined) return false;
  else if (signal === SIGKILL) killAndWait(stored);
  else {
    const held = holdNamespace(stored, alive);
    if (held !== null) signalAllIn(held.own, signal);
    if (held !== null && held.fd >= 0) close(held.fd);
  }
  return true;
}

function thaw(cgroup: CgroupPlan): void {
  try {
    cgroups().thaw(cgroup);
  } catch (error) {
    // The cgroup goes with the container, of which someone else takes care in the foreground. A file that was
    // opened before it went gives ENODEV.
    if (!(error instanceof SysError) || (error.errno !== E.ENOENT && error.errno !== E.ENODEV)) throw error;
  }
}
