/**
 * Holds signals that would end brun while it makes something that would stay. Every wait ({@link waitFd} and the
 * functions that use it) then throws {@link Interrupted}, so that brun can undo its work.
 */
import { Catch } from "../plan/abi.ts";
import { PR } from "./constants.ts";
import { E } from "./errno.ts";
import { check } from "./error.ts";
import { catchSignals, NR, syscall } from "./ffi.ts";

const names: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  10: "SIGUSR1",
  12: "SIGUSR2",
  14: "SIGALRM",
  15: "SIGTERM",
};

/** A signal asks brun to end. Unfinished work has to be undone first. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signal: number) {
    super(`ended by ${names[signal] ?? `signal ${signal}`}: what was not complete is undone`);
  }
}

const O_NONBLOCK_CLOEXEC = 0o2004000;

let reader = -1;
let writer = -1;
let watched = false;

/** Holds signals that would end this process until {@link throwIfInterrupted}. Throws a SysError. */
export function holdSignals(): void {
  if (reader < 0) {
    const pipe = new Int32Array(2);
    check(syscall(NR.pipe2, pipe, O_NONBLOCK_CLOEXEC), "make a pipe");
    [reader, writer] = [pipe[0]!, pipe[1]!];
    catchSignals(writer, Catch.deadly);
  }
  watched = true;
}

/** A descriptor to poll during a wait: it is readable when there is a signal. -1 if signals are not held. */
export function interrupts(): number {
  return watched ? reader : -1;
}

/** Throws an {@link Interrupted} if there is a signal. After that no wait is interrupted any more. */
export function throwIfInterrupted(): void {
  const signal = watched ? taken() : 0;
  if (signal === 0) return;
  watched = false;
  throw new Interrupted(signal);
}

/** Keeps signals held, but does not interrupt waits any more, because brun is undoing its work. */
export function ignoreInterrupts(): void {
  watched = false;
}

/**
 * Keeps signals for another process. Its supervisor reads those that come before it is there. Returns the
 * descriptor for that. Throws a SysError.
 */
export function keepSignals(): number {
  holdSignals();
  watched = false;
  catchSignals(writer, Catch.all);
  return reader;
}

/**
 * Writes signals, and changes of the terminal's size, as one byte each to the returned descriptor, for a command
 * that handles them. {@link releaseSignals} or {@link die} ends that. Throws a SysError.
 */
export function watchSignals(): number {
  holdSignals();
  watched = false;
  catchSignals(writer, Catch.attached);
  return reader;
}

/** Ends holding, when nothing has to be undone any more. A signal that came meanwhile ends this process. */
export function releaseSignals(): void {
  if (reader < 0) return;
  watched = false;
  const signal = taken();
  catchSignals(-1, Catch.deadly);
  if (signal !== 0) die(signal);
}

/** Ends this process by a signal, without a core dump. */
export function die(signal: number): void {
  if (reader >= 0) catchSignals(-1, Catch.deadly);
  syscall(NR.prctl, PR.SET_DUMPABLE, 0, 0, 0, 0);
  syscall(NR.kill, syscall(NR.getpid), signal);
}

function taken(): number {
  const byte = new Uint8Array(1);
  let n: number;
  do n = syscall(NR.read, reader, byte, 1);
  while (n === -E.EINTR);
  return n === 1 ? byte[0]! : 0;
}
