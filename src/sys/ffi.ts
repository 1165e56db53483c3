/**
 * The door to the kernel: raw system calls through the C stage's shared-object face.
 *
 * The stage (nsenter) is one ELF that is executable and dlopen-able. It is loaded from a sealed memfd, never
 * from a path that another user could have written. Results come back as -errno, so nothing here reads errno,
 * which JavaScript could have changed meanwhile.
 */

import { CString, dlopen, FFIType, linkSymbols, type Pointer, ptr } from "bun:ffi";
import { stageImage } from "../../nsenter/embed.ts" with { type: "macro" };
import { NR } from "./syscalls.ts";
import { utf8 } from "./utf8.ts";

/** A pointer, a typed array whose memory is passed, or a number. */
export type Arg = number | bigint | NodeJS.TypedArray | null;

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
const SEALS = 0x1 | 0x2 | 0x4 | 0x8; // SEAL, SHRINK, GROW, WRITE
const RTLD_NOW = 2;

/** A NUL-terminated UTF-8 string. Throws a RangeError when `s` holds a NUL, which the kernel would cut at. */
export function cstr(s: string): Uint8Array {
  if (s.includes("\0")) throw new RangeError(`"${s.replaceAll("\0", "\\0")}" holds a NUL byte`);
  return utf8(`${s}\0`);
}

/**
 * The one signature that everything here is called with: the engine compiles two pieces of code for each
 * signature, and a C function takes no notice of integer arguments beyond its own (System V and AAPCS64 pass
 * them in registers, or on a stack that the caller clears).
 */
const word = FFIType.i64_fast;
const words = { args: [word, word, word, word, word, word, word], returns: word } as const;

const libc = dlopen("libc.so.6", { syscall: words, dlopen: words, dlsym: words, dlerror: words }).symbols;

/** A system call by libc's syscall(2), which says no more of a failure than -1; until the stage is loaded. */
function early(nr: number, a: number, b: number, c: number): number {
  return Number(libc.syscall(nr, a, b, c, 0, 0, 0));
}

/** dlopen(3) or dlsym(3): a pointer, or 0. */
function pointer(result: number | bigint): Pointer | null {
  return result === 0 ? null : (Number(result) as Pointer);
}

/**
 * The end of a brun that cannot load its stage. It comes while modules are loaded, where an error would be shown
 * with a piece of the bundle; programs that use brun as a library get it thrown.
 */
function unloadable(why: string): never {
  const line = `cannot load the stage: ${why}`;
  if (!import.meta.path.startsWith("/$bunfs/")) throw new Error(line);
  const bytes = utf8(`brun: ${line}\n`);
  early(NR.write, 2, ptr(bytes), bytes.length);
  process.exit(1);
}

/**
 * File descriptor of the sealed memfd that holds the stage; close-on-exec. It is world-readable: a process
 * executed from a file it cannot read is not dumpable, and its uid_map then belongs to root.
 */
export const stageFd: number = (() => {
  const image = Uint8Array.fromBase64(stageImage());
  const name = cstr("brun-nsenter");
  let fd = early(NR.memfd_create, ptr(name), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC, 0);
  if (fd < 0) fd = early(NR.memfd_create, ptr(name), MFD_CLOEXEC | MFD_ALLOW_SEALING, 0); // before Linux 6.3
  if (fd < 0) unloadable("memfd_create failed: /proc/sys/vm/memfd_noexec may forbid it");
  const n = early(NR.write, fd, ptr(image), image.length);
  if (n !== image.length) unloadable("cannot write it to its memfd: no memory");
  early(NR.fcntl, fd, F_ADD_SEALS, SEALS);
  return fd;
})();

/**
 * Opens a shared library with libc's own dlopen, which searches the system's directories and never the
 * current one (bun:ffi's dlopen falls back to the current directory, which is the bundle).
 * Returns null when the library is not there.
 */
export function openLibrary(name: string): Pointer | null {
  return pointer(libc.dlopen(ptr(cstr(name)), RTLD_NOW, 0, 0, 0, 0, 0));
}

/** Address of a symbol in a library from {@link openLibrary}, or null. */
export function librarySymbol(library: Pointer, name: string): Pointer | null {
  return pointer(libc.dlsym(library, ptr(cstr(name)), 0, 0, 0, 0, 0));
}

const stage = openLibrary(`/proc/self/fd/${stageFd}`);
if (stage === null) unloadable(loadError());

const native = linkSymbols({
  syscall: { ptr: librarySymbol(stage, "brun_syscall")!, ...words },
  spawn: { ptr: librarySymbol(stage, "brun_spawn")!, ...words },
}).symbols;

function loadError(): string {
  return new CString(pointer(libc.dlerror(0, 0, 0, 0, 0, 0, 0))!).toString();
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

/**
 * Has signals that would end this process written to a pipe from now on, and blocks all of them in this thread:
 * nsenter/early.c. Linked here and not at the start, since only a foreground process comes to it.
 */
export function catchSignals(fd: number): void {
  const { caught } = linkSymbols({
    caught: { ptr: librarySymbol(stage!, "brun_catch_signals")!, ...words },
  }).symbols;
  caught(fd, 0, 0, 0, 0, 0, 0);
}

export { NR };
