/** `brun events`: statistics again and again, and what happens in between. */
import type { OomWatch } from "../../cgroup/oom.ts";
import type { Stats } from "../../cgroup/stats.ts";
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { POLLIN } from "../../sys/poll.ts";
import { openProcess } from "../state/process.ts";
import { requireState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { cgroups } from "./cgroup.ts";
import { measure } from "./stats.ts";

/** One event, in the form in which runc prints it. */
export type ContainerEvent =
  | { readonly type: "stats"; readonly id: string; readonly data: Stats }
  | { readonly type: "oom"; readonly id: string };

/**
 * Reports until the container ends: its statistics every `intervalMs` milliseconds, and each process that was
 * killed for lack of memory at once, which only a cgroup tells. Throws a BrunError when it does not run.
 */
export function events(
  rt: Runtime,
  id: string,
  intervalMs: number,
  emit: (event: ContainerEvent) => void,
): void {
  const stored = requireState(rt.root, id);
  const pidfd = openProcess(stored.pid, stored.startTime);
  if (pidfd < 0) throw new BrunError(`container with id ${id} is not running`, { code: "ERR_STATE" });
  const oom = cgroups().watchOom(stored.cgroup);
  follow(oom, pidfd, intervalMs, {
    killed: () => emit({ type: "oom", id }),
    due: () => emit({ type: "stats", id, data: measure(stored) }),
  });
  close(pidfd);
}

/** How long after a signal a kill may be counted, and how often that is looked at, in milliseconds. */
const COUNTED_WITHIN = 1000;
const LOOK_EVERY = 10;

/**
 * Watches until a process ends: `killed` is called for each OOM kill, `due` every `intervalMs` milliseconds. cgroup v1
 * signals a kill before it has counted it.
 */
export function follow(
  oom: OomWatch,
  pidfd: number,
  intervalMs: number,
  on: { readonly killed: () => void; readonly due: () => void },
): void {
  let looking = 0;
  for (let next = performance.now() + intervalMs; ; ) {
    const now = performance.now();
    const [signalled, ended] = poll(
      [oom.fd, pidfd],
      Math.min(next - now, now < looking ? LOOK_EVERY : Infinity),
    );
    if (signalled) looking = performance.now() + COUNTED_WITHIN;
    for (let kills = oom.take(); kills > 0; kills--) on.killed();
    if (ended) return;
    if (performance.now() < next) continue;
    next += intervalMs;
    on.due();
  }
}

/** Waits for descriptors to become readable (-1 never does); says which are. */
function poll(fds: readonly number[], timeoutMs: number): boolean[] {
  const pollfds = new Int32Array(fds.flatMap((fd) => [fd, POLLIN]));
  const ms = Math.max(0, timeoutMs);
  const timeout = new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt(Math.floor((ms % 1000) * 1e6))]);
  const n = syscall(NR.ppoll, pollfds, fds.length, timeout, 0, 8);
  if (n !== -E.EINTR) check(n, "poll");
  return fds.map((_fd, i) => pollfds[2 * i + 1]! >>> 16 !== 0);
}
