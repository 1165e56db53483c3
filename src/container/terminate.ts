/** The end of a container that someone else than its own process has decided on. */
import { BrunError } from "../errors.ts";
import { close } from "../sys/fs.ts";
import { cgroups } from "./cgroup.ts";
import { openProcess, signalProcess, waitForEnd } from "./process.ts";
import type { StoredState } from "./store.ts";

const SIGKILL = 9;
const KILL_TIMEOUT_MS = 10_000;

/** Kills the container's processes and waits for its end. Throws a BrunError when it does not end. */
export function killAndWait(stored: StoredState): void {
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd < 0) return;
  signalProcess(pidfd, SIGKILL);
  // What is frozen on cgroup v1 does not die before it thaws.
  if (stored.cgroup !== undefined) cgroups().signalAll(stored.cgroup, SIGKILL);
  const ended = waitForEnd(pidfd, stored.pid, stored.startTime, KILL_TIMEOUT_MS);
  close(pidfd);
  if (!ended) throw new BrunError(`process ${stored.pid} does not end after SIGKILL`);
}
