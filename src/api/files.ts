/** Descriptors for a brun process: pipes, and files without a name. */

import { dlopen, type Pointer, ptr } from "bun:ffi";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";

const O_CLOEXEC = 0o2000000;

/** Loaded when it is first wanted, since Bun alone has bun:ffi. */
let libc: { readonly pipe2: (fds: Pointer, flags: number) => number } | undefined;

/**
 * A pipe, both ends close-on-exec: [reader, writer]. Bun's own "pipe" is a socket, and a program in a container
 * cannot open a socket as /dev/stdout.
 */
export function pipe(): [number, number] {
  libc ??= dlopen("libc.so.6", { pipe2: { args: ["ptr", "i32"], returns: "i32" } }).symbols;
  const fds = new Int32Array(2);
  if (libc.pipe2(ptr(fds), O_CLOEXEC) !== 0) throw new Error("cannot make a pipe: too many open files");
  return [fds[0]!, fds[1]!];
}

/**
 * A file that has no name, so that nothing is left whatever happens. A process that has its descriptor opens it by
 * /proc/self/fd.
 */
export class Scratch implements Disposable {
  readonly fd: number;

  /** @param text what it begins with */
  constructor(text: string) {
    const dir = mkdtempSync(`${tmpdir()}/brun-api-`);
    try {
      this.fd = openSync(`${dir}/file`, "wx+", 0o600);
    } finally {
      rmSync(dir, { recursive: true });
    }
    writeSync(this.fd, text);
  }

  /** What has been written to it. */
  text(): string {
    return readFileSync(`/proc/self/fd/${this.fd}`, "utf8");
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
