/** Opens shared libraries with libc's own dlopen(3). libc is linked on first use. */
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

/** A result of dlopen(3) or dlsym(3) as a pointer; null for 0. */
function pointer(result: number | bigint): Pointer | null {
  return result === 0 ? null : (Number(result) as Pointer);
}

/**
 * Opens a shared library with libc's own dlopen, which searches the system's directories. bun:ffi's dlopen would
 * fall back to the current directory, which is the bundle. Returns null if there is no such library.
 */
export function openLibrary(name: string): Pointer | null {
  return pointer(libc().dlopen(ptr(cstr(name)), RTLD_NOW, 0, 0, 0, 0, 0));
}

/** The address of a symbol in a library from {@link openLibrary}, or null. */
export function librarySymbol(library: Pointer, name: string): Pointer | null {
  return pointer(libc().dlsym(library, ptr(cstr(name)), 0, 0, 0, 0, 0));
}

/** Why the last {@link openLibrary} returned null. */
export function libraryError(): string {
  return new CString(pointer(libc().dlerror(0, 0, 0, 0, 0, 0, 0))!).toString();
}

/**
 * A system call by libc's syscall(2), which returns only -1 on failure. For use before brun's
 * own functions are loaded.
 */
export function libcSyscall(nr: number, a: number, b: number, c: number): number {
  return Number(libc().syscall(nr, a, b, c, 0, 0, 0));
}
