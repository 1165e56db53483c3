/** The end of a container that someone else than its own process has decided on. */
import { BrunError } from "../errors.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { cgroups } from "./cgroup.ts";
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

/** Kills the container's processes and waits for its end. Throws a BrunError when it does not end. */
export function killAndWait(stored: StoredState): void {
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd < 0) return;
  // Without a cgroup, and a pid namespace that ends with its first process, they could not be found afterwards.
  const others = stored.cgroup === undefined && sharesPids(stored.pid) ? stopDescendants(stored.pid) : [];
  signalProcess(pidfd, SIGKILL);
  for (const pid of others) syscall(NR.kill, pid, SIGKILL);
  // What is frozen on cgroup v1 does not die before it thaws.
  if (stored.cgroup !== undefined) cgroups().signalAll(stored.cgroup, SIGKILL);
  const ended = waitForEnd(pidfd, stored.pid, stored.startTime, KILL_TIMEOUT_MS);
  close(pidfd);
  if (!ended) throw new BrunError(`process ${stored.pid} does not end after SIGKILL`);
}
