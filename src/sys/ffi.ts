/**
 * Raw system calls through C functions. They return -errno, so that no code reads errno, which JavaScript could
 * change in between. The functions are part of the front (nsenter/front), which is in the executable. Without a
 * front, in a checkout or as a library, they are those of the stage, loaded as a shared object.
 */

import { type Pointer, ptr } from "bun:ffi";
import { frontCalls } from "../../nsenter/embed.ts" with { type: "macro" };
import { FrontFact } from "../plan/abi.ts";
import { cstr, words } from "./c.ts";
import { lazy } from "./lazy.ts";
import { link } from "./link.ts";
import { NR } from "./syscalls.ts";

/** A pointer, a typed array whose memory is passed, or a number. */
export type Arg = number | bigint | NodeJS.TypedArray | null;

const front = frontCalls();
const loaded =
  front === null ? lazy<typeof import("./stage-library.ts")>(() => require("./stage-library.ts"))() : null;
const functions = front ?? loaded!.stageFunctions();
const at = (address: number) => ({ ptr: address as Pointer, ...words });
const native = link({ syscall: at(functions.syscall), spawn: at(functions.spawn) });

/** Whether the front has started this process. It is false in a checkout, in a library, and in a build without the front. */
export const hasFront: boolean = front !== null;

let known: ((fact: FrontFact) => number) | undefined;

/** Asks the front for a fact. Without a front the answer is -1. */
export function askFront(fact: FrontFact): number {
  if (front === null) return -1;
  if (known === undefined) {
    const { ask } = link({ ask: at(front.ask) });
    known = (asked) => Number(ask(asked, 0, 0, 0, 0, 0, 0));
  }
  return known(fact);
}

/**
 * Descriptor of the sealed memfd with the stage, close-on-exec; or -errno. It is world-readable: a process whose
 * executable it cannot read is not dumpable, and then root owns its uid_map.
 */
export function stageFd(): number {
  return loaded === null ? askFront(FrontFact.image) : loaded.stageImageFd();
}

/** The address of a typed array's memory, for structs with pointers. The caller has to keep the array alive. */
export function addressOf(a: NodeJS.TypedArray): number {
  return a.byteLength === 0 ? 0 : ptr(a);
}

function word64(a: Arg): number | bigint {
  if (typeof a === "number" || typeof a === "bigint") return a;
  return a === null ? 0 : addressOf(a);
}

let watch: ((nr: number) => void) | null = null;

/**
 * Reports each system call to `watcher` before it is made, and each spawn as clone3(2). Null ends
 * that (src/host/recorder.ts).
 */
export function watchCalls(watcher: ((nr: number) => void) | null): void {
  watch = watcher;
}

/** Makes a system call and returns its result, or -errno. Never throws. */
export function syscall(
  nr: number,
  a: Arg = 0,
  b: Arg = 0,
  c: Arg = 0,
  d: Arg = 0,
  e: Arg = 0,
  f: Arg = 0,
): number {
  if (watch !== null) watch(nr);
  return Number(native.syscall(nr, word64(a), word64(b), word64(c), word64(d), word64(e), word64(f)));
}

/** Runs `brun_spawn` (nsenter/stage/spawn.c) on an encoded struct; returns the pid or -errno. */
export function nativeSpawn(request: Uint8Array): number {
  if (watch !== null) watch(NR.clone3);
  return Number(native.spawn(ptr(request), 0, 0, 0, 0, 0, 0));
}

type Run = (
  program: Uint8Array,
  slots: Int32Array,
  count: number,
  failures: Int32Array,
  runs: number,
) => number;
let run: Run | undefined;

/**
 * Runs an encoded program in this process: brun_run of nsenter/plan/local.c. The function is linked on first use,
 * since few commands need it. Returns 0, or -errno with the struct failure set.
 * @param slots the first `count` slots, 8 bytes each, with their values before and after the run; those
 *   of the next run follow
 * @param failures one for each run
 */
export function runProgram(
  program: Uint8Array,
  slots: Int32Array,
  count: number,
  failures: Int32Array,
  runs = 1,
): number {
  if (run === undefined) {
    const { call } = link({ call: at(functions.run) });
    run = (bytes, first, n, failed, times) =>
      Number(call(addressOf(bytes), bytes.length, addressOf(first), n, addressOf(failed), times, 0));
  }
  return run(program, slots, count, failures, runs);
}

let caught: ((fd: number, which: number) => void) | undefined;

/**
 * Writes signals that would end this process to a pipe from now on: nsenter/stage/early.h. `which` adds further
 * signals: Catch.all those that would stop it, and Catch.attached SIGWINCH. With fd -1 signals end this process
 * again. The function is linked on first use, since few commands need it.
 */
export function catchSignals(fd: number, which: number): void {
  if (caught === undefined) {
    const { call } = link({ call: at(functions.catchSignals) });
    caught = (to, more) => call(to, more, 0, 0, 0, 0, 0);
  }
  caught(fd, which);
}

export { cstr, NR };
