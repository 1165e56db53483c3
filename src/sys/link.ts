/**
 * Links C functions as JavaScript functions: by bun:ffi, or by the front's module (door.ts) where the engine may
 * not make executable memory, which bun:ffi needs.
 */
import { dlopen, type FFIFunction, linkSymbols } from "bun:ffi";
import { words } from "./c.ts";
import { lazy } from "./lazy.ts";

const doorModule = lazy<typeof import("./door.ts")>(() => require("./door.ts"));

let withoutJit = false;

/** The result of `act`, or without a JIT that of `other`. */
function orByDoor<T>(act: () => T, other: (door: typeof import("./door.ts")) => unknown): T {
  if (!withoutJit) {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof TypeError) || !error.message.includes("JIT")) throw error;
      withoutJit = true;
    }
  }
  return other(doorModule()) as T;
}

/** As bun:ffi's linkSymbols. Arguments are numbers, bigints, pointers and typed arrays. */
export function link<Fns extends Record<string, FFIFunction>>(functions: Fns) {
  return orByDoor(
    () => linkSymbols(functions).symbols,
    (door) => door.linkByDoor(functions),
  );
}

/**
 * The functions of libc that give access to all others, with numbers as arguments and results. syscall(2)
 * is there only with a JIT.
 */
export function linkLibc() {
  return orByDoor(
    () => dlopen("libc.so.6", { syscall: words, dlopen: words, dlsym: words, dlerror: words }).symbols,
    (door) => door.libcByDoor(words.returns),
  );
}
