/** What every call of a C function by bun:ffi is made of. */
import { FFIType } from "bun:ffi";
import { utf8 } from "./utf8.ts";

/** A NUL-terminated UTF-8 string. Throws a RangeError when `s` holds a NUL, which the kernel would cut at. */
export function cstr(s: string): Uint8Array {
  if (s.includes("\0")) throw new RangeError(`"${s.replaceAll("\0", "\\0")}" holds a NUL byte`);
  return utf8(`${s}\0`);
}

const word = FFIType.i64_fast;

/**
 * The one signature that everything is called with: the engine compiles two pieces of code for each
 * signature, and a C function takes no notice of integer arguments beyond its own (System V and AAPCS64 pass
 * them in registers, or on a stack that the caller clears).
 */
export const words = { args: [word, word, word, word, word, word, word], returns: word } as const;
