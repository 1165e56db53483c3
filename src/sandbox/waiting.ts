/** Steps of stages that outlive brun, since they wait for the end of other processes. */
import type { ProgramBuilder, Slot } from "../plan/program.ts";
import { POLLIN } from "../sys/poll.ts";

/** sizeof(struct pollfd). */
const POLLFD = 8;

const SIG_SETMASK = 2;

/** Blocks all signals except SIGKILL and SIGSTOP. */
export function blockSignals(b: ProgramBuilder): void {
  b.sys("rt_sigprocmask", [SIG_SETMASK, b.bytes(new Uint8Array(8).fill(0xff), "all"), null, 8]);
}

/**
 * Waits until a descriptor is readable. A pidfd is readable when the process has ended, a socket also when
 * the other end is closed.
 */
export function waitFor(b: ProgramBuilder, fd: Slot | number): void {
  const pollfd = b.bytes(new Uint8Array(new Int32Array([0, POLLIN]).buffer), "pollfd");
  b.poke(pollfd, fd, 4);
  b.sys("ppoll", [pollfd, 1, null, null, 8]);
}

/** Waits until a process has ended, or the other end of a socket is closed. */
export function waitForEither(b: ProgramBuilder, pidfd: Slot, socket: number): void {
  const polls = new Int32Array([0, POLLIN, socket, 0]);
  const blob = b.bytes(new Uint8Array(polls.buffer), "pollfd");
  b.poke(blob, pidfd, 4);
  b.sys("ppoll", [blob, (polls.length * polls.BYTES_PER_ELEMENT) / POLLFD, null, null, 8]);
}
