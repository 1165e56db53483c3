/** `brun kill`: a signal for the container's process, or for all of its processes. */
import { BrunError } from "../errors.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { cgroups } from "./cgroup.ts";
import { openProcess, signalProcess } from "./process.ts";
import { processes } from "./ps.ts";
import { requireState } from "./store.ts";
import type { Runtime } from "./types.ts";

const SIGKILL = 9;

/**
 * Sends a signal. With `all` to every process of the container, also when its first process has ended.
 * Throws a BrunError "container not running" when there is nothing to signal.
 */
export function kill(rt: Runtime, id: string, signal: number, all: boolean): void {
  const stored = requireState(rt.root, id);
  const { cgroup } = stored;
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd < 0) {
    if (all && cgroup !== undefined) cgroups().signalAll(cgroup, signal);
    if (all) return;
    throw new BrunError("container not running");
  }
  try {
    if (all && cgroup !== undefined) {
      cgroups().signalAll(cgroup, signal);
      return;
    }
    if (all) for (const pid of processes(rt, id)) if (pid !== stored.pid) syscall(NR.kill, pid, signal);
    const result = signalProcess(pidfd, signal);
    if (result === -E.ESRCH) throw new BrunError("process already finished");
    if (result < 0) throw new SysError(`signal container ${id}`, -result);
    // What is frozen on cgroup v1 does not die before it thaws.
    if (signal === SIGKILL && cgroup?.version === 1) cgroups().thaw(cgroup);
  } finally {
    close(pidfd);
  }
}
