/** Steps of stages that wait for the end of others, and outlive brun for that. */
import type { ProgramBuilder, Slot } from "../plan/program.ts";
import { POLLIN } from "../sys/fs.ts";

const SIG_SETMASK = 2;

/** From now on no signal but SIGKILL and SIGSTOP has an effect. */
export function blockSignals(b: ProgramBuilder): void {
  b.sys("rt_sigprocmask", [SIG_SETMASK, b.bytes(new Uint8Array(8).fill(0xff), "all"), null, 8]);
}

/** Waits until there is something to read, or for the end of what a pidfd or the other end of a socket stands for. */
export function waitFor(b: ProgramBuilder, fd: Slot | number): void {
  const pollfd = b.bytes(new Uint8Array(new Int32Array([0, POLLIN]).buffer), "pollfd");
  b.poke(pollfd, fd, 4);
  b.sys("ppoll", [pollfd, 1, null, null, 8]);
}
