/** Shared libraries by libc's own dlopen(3), opened when the first is wanted. */
import { CString, type Pointer, ptr } from "bun:ffi";
import { cstr } from "./c.ts";
import { linkLibc } from "./link.ts";

const RTLD_NOW = 2;

type Libc = Record<"syscall" | "dlopen" | "dlsym" | "dlerror", (...args: number[]) => number | bigint>;

let opened: Libc | undefined;

function libc(): Libc {
  opened ??= linkLibc() as unknown as Libc;
  return opened;
}

/** dlopen(3) or dlsym(3): a pointer, or 0. */
function pointer(result: number | bigint): Pointer | null {
  return result === 0 ? null : (Number(result) as Pointer);
}

/**
 * Opens a shared library with libc's own dlopen, which searches the system's directories and never the
 * current one (bun:ffi's dlopen falls back to the current directory, which is the bundle).
 * Returns null when the library is not there.
 */
export function openLibrary(name: string): Pointer | null {
  return pointer(libc().dlopen(ptr(cstr(name)), RTLD_NOW, 0, 0, 0, 0, 0));
}

/** Address of a symbol in a library from {@link openLibrary}, or null. */
export function librarySymbol(library: Pointer, name: string): Pointer | null {
  return pointer(libc().dlsym(library, ptr(cstr(name)), 0, 0, 0, 0, 0));
}

/** Why {@link openLibrary} has returned null. */
export function libraryError(): string {
  return new CString(pointer(libc().dlerror(0, 0, 0, 0, 0, 0, 0))!).toString();
}

/** A system call by libc's syscall(2), which says no more of a failure than -1: for before there is a better one. */
export function libcSyscall(nr: number, a: number, b: number, c: number): number {
  return Number(libc().syscall(nr, a, b, c, 0, 0, 0));
}
