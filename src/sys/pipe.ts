/** Pipes. */
import { check } from "./error.ts";
import { NR, syscall } from "./ffi.ts";
import { O } from "./fs.ts";

/** A pipe's two ends, which no program that is executed keeps. Throws a SysError. */
export function makePipe(flags = O.CLOEXEC): { readonly reader: number; readonly writer: number } {
  const ends = new Int32Array(2);
  check(syscall(NR.pipe2, ends, flags), "make a pipe");
  return { reader: ends[0]!, writer: ends[1]! };
}
