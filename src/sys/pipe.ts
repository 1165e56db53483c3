/** Makes pipes. */
import { check } from "./error.ts";
import { NR, syscall } from "./ffi.ts";
import { O } from "./fs.ts";

/** The two ends of a new pipe, both close-on-exec. Throws a SysError. */
export function makePipe(flags = O.CLOEXEC): { readonly reader: number; readonly writer: number } {
  const ends = new Int32Array(2);
  check(syscall(NR.pipe2, ends, flags), "make a pipe");
  return { reader: ends[0]!, writer: ends[1]! };
}
