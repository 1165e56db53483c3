/** Arguments and environment in bytes. Loaded when they are wanted: mostly Bun's text of them is enough. */
import { FrontFact } from "../plan/abi.ts";
import { check } from "./error.ts";
import { askFront, cstr, NR, syscall } from "./ffi.ts";
import { close, readFile } from "./fs.ts";
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
  const size = askFront(FrontFact.size);
  if (size <= 0) return null;
  const all = split(copyOf(askFront(FrontFact.strings), size));
  const count = askFront(FrontFact.words);
  return { words: all.slice(0, count), variables: all.slice(count) };
}

const MFD_CLOEXEC = 1;

/** Bytes of this process's memory, by way of a file: system calls take addresses. Throws a SysError. */
function copyOf(address: number, size: number): Uint8Array {
  const doing = "read the arguments and the environment";
  const bytes = new Uint8Array(size);
  const fd = check(syscall(NR.memfd_create, cstr("brun-strings"), MFD_CLOEXEC), doing);
  try {
    check(syscall(NR.write, fd, address, size), doing);
    check(syscall(NR.pread64, fd, bytes, size, 0), doing);
  } finally {
    close(fd);
  }
  return bytes;
}

/** Strings that each end with a NUL. */
function split(bytes: Uint8Array): string[] {
  return fromUtf8(bytes).split("\0").slice(0, -1);
}
