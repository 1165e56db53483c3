/** Ends a container from outside: its first process and those that outlive it. */
import { BrunError } from "../../errors.ts";
import { Hole } from "../../plan/file-abi.ts";
import { type Local, type LocalFailure, localPlan, runLocal, unexpected } from "../../plan/local.ts";
import { ANY, type Label, type Policy, type ProgramBuilder, type Slot } from "../../plan/program.ts";
import { E } from "../../sys/errno.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, close, O } from "../../sys/fs.ts";
import { POLLIN } from "../../sys/poll.ts";
import { cgroups } from "../resources/cgroup.ts";
import { thaw } from "../resources/freezer.ts";
import { endAllIn, holdNamespace } from "../state/own-namespace.ts";
import { isAlive } from "../state/process.ts";
import { descendants } from "../state/ps.ts";
import type { StoredState } from "../state/store.ts";

export const SIGKILL = 9;
const SIGSTOP = 19;
const PATIENCE_S = 10;
const IN_KERNEL =
  "it waits in the kernel for a disk or a network that does not answer: when that does, repeat the command";
const PAUSE_MS = 10;

/** Waits until a descriptor has an event, as errors always are, or interrupts are there; the struct pollfd is the result. */
export function poll(
  { b, interrupts }: Local,
  fd: Slot,
  events: number,
  seconds: number | null,
  policy: Policy,
) {
  const polled = b.bytes(new Uint8Array(new Uint32Array([0, events, 0, POLLIN]).buffer), "{fd, events}");
  b.poke(polled, fd, 4);
  b.poke(b.inside(polled, 8), interrupts, 4);
  const time = seconds === null ? null : timespec(b, seconds, 0);
  b.sys("ppoll", [polled, 2, time, null, 8], policy);
  return polled;
}

/** struct timespec. */
export function timespec(b: ProgramBuilder, seconds: number, milliseconds: number) {
  const time = new Int32Array([seconds, 0, milliseconds * 1_000_000, 0]);
  return b.bytes(new Uint8Array(time.buffer), seconds > 0 ? `${seconds} s` : `${milliseconds} ms`);
}

/**
 * Opens the container's first process. Its pid may belong to another process by now, so that is checked once the pidfd holds it.
 * Goes to `gone` with nothing open if it has ended, and to `withoutPidfd` if it lives and there are no pidfds.
 */
export function holdProcess(
  { b, at }: Local,
  { pid, startTime }: StoredState,
  gone: Label | undefined,
  withoutPidfd: Label,
): Slot {
  const [ended, none, open] = [b.label(), b.label(), b.label()];
  const process = [b.number(Hole.pid, pid), b.number(Hole.startTime, Number(startTime))] as const;
  const isGone = gone && { handle: [E.ESRCH], orElse: gone };
  at("openProcess");
  // Only a seccomp filter around brun answers EPERM here.
  const pidfd = b.get("pidfd_open", [process[0], 0], {
    handle: [E.ESRCH, E.EINVAL, E.ENOSYS, E.EPERM],
    orElse: none,
  });
  at("isAlive");
  b.alive(...process, { handle: [E.ESRCH], orElse: ended, andThen: open });
  b.mark(ended);
  b.sys("close", [pidfd]);
  b.fail(E.ESRCH, isGone);
  b.mark(none);
  b.alive(...process, { ...isGone, andThen: withoutPidfd });
  b.mark(open);
  return pidfd;
}

/**
 * Kills the container's first process, waits for its end, and goes to `gone`: see {@link awaitEnd}. Other processes in its
 * cgroup v2 are killed, too.
 */
export function endProcess(local: Local, stored: StoredState, gone: Label): void {
  const { b, at } = local;
  const { pid, cgroup } = stored;
  const byPid = b.label();
  const pidfd = holdProcess(local, stored, gone, byPid);
  at("end");
  b.sys("pidfd_send_signal", [pidfd, SIGKILL, null, 0], { handle: [ANY], orElse: byPid });
  const unified = cgroup?.paths[""];
  if (stored.sharesPids && unified !== undefined) killAll(b, unified);
  // On cgroup v1 a frozen process does not die before it thaws.
  if (cgroup?.version === 1) thaw(local, cgroup);
  at("awaitEnd");
  const polled = poll(local, pidfd, POLLIN, PATIENCE_S, {});
  b.check(b.inside(polled, 6), 2, POLLIN, POLLIN, E.ETIMEDOUT);
  b.sys("close", [pidfd], { andThen: gone });
  b.mark(byPid);
  at("end");
  // The owner may not signal it from another user namespace (kill(2)), but may kill its cgroup.
  if (unified !== undefined) killAll(b, unified);
  b.sys("kill", [b.number(Hole.pid, pid), SIGKILL], {
    handle: unified === undefined ? [E.ESRCH] : [E.ESRCH, E.EPERM],
  });
  at("awaitEnd");
  b.fail(E.ENOSYS);
}

/** Kills what is in a cgroup of v2, or in the unified one of a hybrid host. */
export function killAll(b: ProgramBuilder, unified: string): void {
  const none = b.label();
  const path = b.str(`${unified}/cgroup.kill`);
  const file = b.get("openat", [AT_FDCWD, path, O.WRONLY | O.CLOEXEC, 0], { handle: [ANY], orElse: none });
  b.sys("write", [file, b.str("1"), 1], { handle: [ANY] });
  b.close(file);
  b.mark(none);
}

/**
 * After a failure of {@link endProcess}: if the process is identified only by its pid, waits for its end. The caller then runs the
 * plan again. Throws a BrunError for any other failure, and if the process does not end.
 */
export function awaitEnd({ pid, startTime }: StoredState, failure: LocalFailure): void {
  const { step, errno } = failure;
  if (step !== "awaitEnd" || (errno !== E.ENOSYS && errno !== E.ETIMEDOUT)) throw unexpected(failure);
  const deadline = performance.now() + 1000 * PATIENCE_S;
  while (errno === E.ENOSYS && performance.now() < deadline) {
    if (!isAlive(pid, startTime)) return;
    Bun.sleepSync(PAUSE_MS);
  }
  throw new BrunError(`process ${pid} does not end after SIGKILL`, { hint: IN_KERNEL });
}

/** Whether processes that outlive the first one can be found only by looking at all processes, which no plan does. */
export function leavesOthers({ cgroup, namespace, sharesPids }: StoredState): boolean {
  return namespace !== undefined || (sharesPids === true && (cgroup === undefined || cgroup.version === 1));
}

/** Kills those processes, but not the first one, which may be stopped meanwhile. Throws a BrunError if they do not end. */
export function endOthers(stored: StoredState): void {
  if (!leavesOthers(stored)) return;
  const { pid, startTime, cgroup, namespace } = stored;
  const alive = isAlive(pid, startTime);
  if (namespace !== undefined) endNamespace(stored, alive);
  else if (cgroup !== undefined) cgroups().signalAll(cgroup, SIGKILL);
  // Without a cgroup they could not be found afterwards.
  else if (alive) for (const other of stopDescendants(pid)) syscall(NR.kill, other, SIGKILL);
}

/** Stops a process and what descends from it, so that it makes no further ones, and returns the pids of the others. */
function stopDescendants(root: number): number[] {
  for (let before = -1; ; ) {
    const pids = descendants(root);
    for (const pid of pids) syscall(NR.kill, pid, SIGSTOP);
    if (pids.length === before) return pids.slice(1);
    before = pids.length;
  }
}

function endNamespace(stored: StoredState, alive: boolean): void {
  const held = holdNamespace(stored, alive);
  if (held === null) return;
  try {
    if (!endAllIn(held.own, 1000 * PATIENCE_S))
      throw new BrunError(`processes of container ${stored.id} do not end after SIGKILL`, {
        hint: IN_KERNEL,
      });
  } finally {
    if (held.fd >= 0) close(held.fd);
  }
}

/**
 * Kills the container's processes and waits for their end; its first one may have ended before. Throws a BrunError when
 * they do not end.
 */
export function killAndWait(stored: StoredState): void {
  endOthers(stored);
  const failure = runLocal(
    (record) => localPlan((local) => endProcess(local, stored, local.end), record),
    {},
  );
  if (failure !== null) awaitEnd(stored, failure);
}
