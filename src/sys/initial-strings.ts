/** The arguments and the environment as bytes. Loaded on demand: Bun's text of them is usually enough. */
import { FrontFact } from "../plan/abi.ts";
import { check } from "./error.ts";
import { askFront, cstr, NR, syscall } from "./ffi.ts";
import { close, readFile } from "./fs.ts";
import { fromUtf8 } from "./utf8.ts";

/** Arguments and environment; bytes that are not UTF-8 are escaped (utf8.ts). */
export interface InitialStrings {
  /** argv, including the program's name. */
  readonly words: readonly string[];
  /** All strings of the environment, also those that are not NAME=value. */
  readonly variables: readonly string[];
}

let strings: InitialStrings | undefined;

/**
 * The strings that this process was executed with, from the front, or without a front from
 * procfs. Throws a SysError.
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

/** Copies bytes of this process's memory through a file, since system calls take addresses. Throws a SysError. */
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

/** Splits strings that each end with a NUL. */
function split(bytes: Uint8Array): string[] {
  return fromUtf8(bytes).split("\0").slice(0, -1);
}
