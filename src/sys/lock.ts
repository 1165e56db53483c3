/** Locks of whole files by flock(2), which last until the descriptor is closed. */
import { LOCK } from "./constants.ts";
import { E } from "./errno.ts";
import { NR, syscall } from "./ffi.ts";

/** Takes the exclusive lock; false if another process has it. */
export function tryLock(fd: number): boolean {
  return syscall(NR.flock, fd, LOCK.EX | LOCK.NB) !== -E.EAGAIN;
}

const LONGEST_PAUSE_MS = 20;

/** Waits for the exclusive lock; false after `ms` milliseconds without it. */
export function lockWithin(fd: number, ms: number): boolean {
  return tryLock(fd) || awaitLock(fd, ms);
}

/** A separate function, which the engine does not compile unless there is something to wait for. */
function awaitLock(fd: number, ms: number): boolean {
  const deadline = performance.now() + ms;
  for (let pause = 0.5; performance.now() < deadline; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    Bun.sleepSync(pause);
    if (tryLock(fd)) return true;
  }
  return false;
}
