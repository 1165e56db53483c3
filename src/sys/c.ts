/** The parts of every call of a C function by bun:ffi. */
import { FFIType } from "bun:ffi";
import { utf8 } from "./utf8.ts";

/** A NUL-terminated UTF-8 string. Throws a RangeError if `s` contains a NUL, where the kernel would cut it. */
export function cstr(s: string): Uint8Array {
  if (s.includes("\0")) throw new RangeError(`"${s.replaceAll("\0", "\\0")}" holds a NUL byte`);
  return utf8(`${s}\0`);
}

const word = FFIType.i64_fast;

/**
 * The one signature of all calls: the engine compiles two pieces of code for each signature. A C function
 * ignores integer arguments beyond its own, since System V and AAPCS64 pass them in registers, or on a
 * stack that the caller clears.
 */
export const words = { args: [word, word, word, word, word, word, word], returns: word } as const;
