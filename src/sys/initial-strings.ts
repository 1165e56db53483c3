/** Arguments and environment in bytes. Loaded when they are wanted: mostly Bun's text of them is enough. */
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { AHEAD, askAhead } from "./ffi.ts";
import { readFile } from "./fs.ts";
import { fromUtf8 } from "./utf8.ts";

/** See file. */
export interface InitialStrings {
  /** argv, from the program's name on. */
  readonly words: readonly string[];
  /** The environment's NAME=value strings, also those that are no such. */
  readonly variables: readonly string[];
}

let strings: InitialStrings | undefined;

/**
 * What this process was executed with. The front knows where that is; without one procfs says it. Throws a SysError.
 */
export function initialStrings(): InitialStrings {
  strings ??= fromFront() ?? {
    words: split(readFile("/proc/self/cmdline")),
    variables: split(readFile("/proc/self/environ")),
  };
  return strings;
}

function fromFront(): InitialStrings | null {
  const size = askAhead(AHEAD.size);
  if (size <= 0) return null;
  const bytes = new Uint8Array(toArrayBuffer(askAhead(AHEAD.strings) as Pointer, 0, size));
  const all = split(bytes);
  const count = askAhead(AHEAD.words);
  return { words: all.slice(0, count), variables: all.slice(count) };
}

/** Strings that each end with a NUL. */
function split(bytes: Uint8Array): string[] {
  return fromUtf8(bytes).split("\0").slice(0, -1);
}
