/** `brun kill`: a signal for the container's process, or for all of its processes. */
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import { BrunError } from "../errors.ts";
import { CLONE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { cgroups } from "./cgroup.ts";
import { openProcess, signalProcess } from "./process.ts";
import { processes } from "./ps.ts";
import { statusOf } from "./status.ts";
import { loadExecInfo, requireState } from "./store.ts";
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
  all ||= signal === SIGKILL && cgroup !== undefined && outlivesItsFirst(rt, id);
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd < 0) {
    if (all && cgroup !== undefined) cgroups().signalAll(cgroup, signal);
    if (all) return;
    throw new BrunError("container not running", { code: "ERR_STATE" });
  }
  try {
    if (all && cgroup !== undefined) {
      cgroups().signalAll(cgroup, signal);
      return;
    }
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

/** Whether the container has no pid namespace: the end of its first process is then not that of the others. */
function outlivesItsFirst(rt: Runtime, id: string): boolean {
  return (loadExecInfo(rt.root, id).namespaces & CLONE.NEWPID) === 0;
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
