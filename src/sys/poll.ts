/** Waiting for file descriptors by poll(2). */
import { E } from "./errno.ts";
import { check } from "./error.ts";
import { type Arg, NR, syscall } from "./ffi.ts";
import { interrupts, throwIfInterrupted } from "./interrupt.ts";

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;

/** struct timespec of a duration in milliseconds. */
export function timespec(ms: number): BigInt64Array {
  return new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt(Math.floor((ms % 1000) * 1e6))]);
}

/**
 * Waits for events on one file descriptor (ppoll(2)). Throws an Interrupted if a held
 * signal arrives (interrupt.ts).
 * @param timeoutMs milliseconds; negative waits for ever
 * @returns the events, 0 on time-out
 */
export function waitFd(fd: number, events: number, timeoutMs = -1): number {
  const pollfd = new Int32Array([fd, events & 0xffff, interrupts(), POLLIN]);
  const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  for (;;) {
    let timeout: Arg = null;
    if (timeoutMs >= 0) {
      const left = deadline - performance.now();
      timeout = timespec(left < 0 ? 0 : left);
    }
    const n = syscall(NR.ppoll, pollfd, 2, timeout, 0, 8);
    if (n === -E.EINTR) continue;
    check(n, "poll");
    const came = (pollfd[1]! >>> 16) & 0xffff;
    if (came !== 0 || n === 0) return came;
    throwIfInterrupted();
  }
}
