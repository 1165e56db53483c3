/** Writes files of procfs, each in one write(2). */

import { AT_FDCWD, O } from "../sys/fs.ts";
import { utf8Length } from "../sys/utf8.ts";
import type { ProcessContext } from "./context.ts";

/** Writes `data` to an existing file. Errnos of open and write that are in `handle` are ignored. */
export function writeTo(x: ProcessContext, path: string, data: string, handle?: readonly number[]): void {
  const { b } = x;
  const done = b.label();
  const policy = handle === undefined ? {} : { handle, orElse: done };
  const fd = b.get("openat", [AT_FDCWD, b.str(path), O.WRONLY | O.CLOEXEC, 0], policy);
  b.sys("write", [fd, b.str(data), utf8Length(data)], handle === undefined ? {} : { handle });
  b.close(fd);
  b.mark(done);
}
