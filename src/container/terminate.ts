/** The end of a container that someone else than its own process has decided on. */
import { BrunError } from "../errors.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { cgroups } from "./cgroup.ts";
import { endAllIn, holdNamespace } from "./own-namespace.ts";
import { openProcess, signalProcess, waitForEnd } from "./process.ts";
import { descendants, sharesPids } from "./ps.ts";
import type { StoredState } from "./store.ts";

const SIGKILL = 9;
const SIGSTOP = 19;
const KILL_TIMEOUT_MS = 10_000;

/** Stops what descends from a process, so that it makes no further ones, and returns their pids. */
function stopDescendants(root: number): number[] {
  for (let before = -1; ; ) {
    const pids = descendants(root);
    for (const pid of pids) syscall(NR.kill, pid, SIGSTOP);
    if (pids.length === before) return pids.slice(1);
    before = pids.length;
  }
}

/**
 * Kills the container's processes and waits for their end; its first one may have ended before. Throws a BrunError when
 * they do not end.
 */
export function killAndWait(stored: StoredState): void {
  const { pid, startTime, cgroup } = stored;
  const pidfd = openProcess(pid, startTime);
  try {
    if (stored.namespace !== undefined) endOthers(stored, pidfd);
    if (pidfd < 0) return;
    // Without a cgroup, and a pid namespace that ends with its first process, they could not be found afterwards.
    const unknown = cgroup === undefined && stored.namespace === undefined && sharesPids(pid);
    const others = unknown ? stopDescendants(pid) : [];
    signalProcess(pidfd, SIGKILL);
    for (const other of others) syscall(NR.kill, other, SIGKILL);
    // What is frozen on cgroup v1 does not die before it thaws.
    if (cgroup !== undefined) cgroups().signalAll(cgroup, SIGKILL);
    if (!waitForEnd(pidfd, pid, startTime, KILL_TIMEOUT_MS))
      throw new BrunError(`process ${pid} does not end after SIGKILL`);
  } finally {
    if (pidfd >= 0) close(pidfd);
  }
}

function endOthers(stored: StoredState, pidfd: number): void {
  const held = holdNamespace(stored, pidfd >= 0);
  if (held === null) return;
  try {
    if (!endAllIn(held.own, KILL_TIMEOUT_MS))
      throw new BrunError(`processes of container ${stored.id} do not end after SIGKILL`);
  } finally {
    if (held.fd >= 0) close(held.fd);
  }
}
