/**
 * The door to the kernel: raw system calls through C, which come back with -errno, so that nothing here reads errno,
 * which JavaScript could have changed meanwhile. The functions are the front's (nsenter/front), which is in the
 * executable; without one, as in the checkout and as a library, they are the stage's, loaded as a shared object.
 */

import { type Pointer, ptr } from "bun:ffi";
import { frontCalls } from "../../nsenter/embed.ts" with { type: "macro" };
import { cstr, words } from "./c.ts";
import { link } from "./link.ts";
import { NR } from "./syscalls.ts";

/** A pointer, a typed array whose memory is passed, or a number. */
export type Arg = number | bigint | NodeJS.TypedArray | null;

const front = frontCalls();
const loaded = front === null ? (require("./stage-library.ts") as typeof import("./stage-library.ts")) : null;
const functions = front ?? loaded!.stageFunctions();
const at = (address: number) => ({ ptr: address as Pointer, ...words });
const native = link({ syscall: at(functions.syscall), spawn: at(functions.spawn) });

/** What the front has done before brun began, and knows: nsenter/front/ahead.h. */
export const AHEAD = {
  image: 0,
  socket: 1,
  pid: 2,
  error: 3,
  build: 4,
  strings: 5,
  size: 6,
  words: 7,
  openFiles: 8,
} as const;

let ahead: ((question: number) => number) | undefined;

/** Asks the front; without one nothing has been done. */
export function askAhead(question: number): number {
  if (front === null) return -1;
  if (ahead === undefined) {
    const { ask } = link({ ask: at(front.ahead) });
    ahead = (question) => Number(ask(question, 0, 0, 0, 0, 0, 0));
  }
  return ahead(question);
}

/**
 * File descriptor of the sealed memfd that holds the stage, close-on-exec; or -errno. It is world-readable: a process
 * executed from a file it cannot read is not dumpable, and its uid_map then belongs to root.
 */
export function stageFd(): number {
  return loaded === null ? askAhead(AHEAD.image) : loaded.stageImageFd();
}

/** Address of a typed array's memory, for structs that hold pointers. The caller keeps the array alive. */
export function addressOf(a: NodeJS.TypedArray): number {
  return a.byteLength === 0 ? 0 : ptr(a);
}

function word64(a: Arg): number | bigint {
  if (typeof a === "number" || typeof a === "bigint") return a;
  return a === null ? 0 : addressOf(a);
}

/** Calls a system call and returns its result, or -errno. Never throws. */
export function syscall(
  nr: number,
  a: Arg = 0,
  b: Arg = 0,
  c: Arg = 0,
  d: Arg = 0,
  e: Arg = 0,
  f: Arg = 0,
): number {
  return Number(native.syscall(nr, word64(a), word64(b), word64(c), word64(d), word64(e), word64(f)));
}

/** Runs `brun_spawn` (nsenter/spawn.c) on an encoded struct; returns the pid or -errno. */
export function nativeSpawn(request: Uint8Array): number {
  return Number(native.spawn(ptr(request), 0, 0, 0, 0, 0, 0));
}

/** Which signals: nsenter/early.h. */
export const CATCH = { deadly: 0, all: 1, attached: 2 } as const;

let caught: ((fd: number, which: number) => void) | undefined;

/**
 * Has signals that would end this process written to a pipe from now on, and with `all` those that would stop it, too, which
 * this thread blocks, with `attached` SIGWINCH besides: nsenter/early.c. With -1 they end it again. Linked here and not at the start, since few
 * commands come to it.
 */
export function catchSignals(fd: number, which: number): void {
  if (caught === undefined) {
    const { call } = link({ call: at(functions.catchSignals) });
    caught = (to, more) => call(to, more, 0, 0, 0, 0, 0);
  }
  caught(fd, which);
}

export { cstr, NR };
