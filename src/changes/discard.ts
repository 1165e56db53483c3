/** Throwing away what is kept. */

import { listAt, removeAt } from "../image/unpack/tree.ts";
import { lockUpper } from "../sandbox/upper-lock.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { entryAt, tryOpenDirectory, tryOpenDirectoryAt } from "./entry.ts";
import type { Kept } from "./kept.ts";

/**
 * Removes all of it; the record goes last. Throws a BrunError while a container writes to it, and a SysError.
 * @param held whoever has started this process has the lock
 */
export function discardKept({ directory, name }: Kept, held = false): void {
  const lock = held ? -1 : lockUpper(directory, "discard");
  const slash = directory.lastIndexOf("/");
  const all = check(tryOpenDirectory(directory.slice(0, slash)), `open ${directory.slice(0, slash)}`);
  try {
    const inside = check(tryOpenDirectoryAt(all, name), `open ${directory}`);
    try {
      for (const part of ["upper", "work"]) removeClosed(inside, part);
    } finally {
      close(inside);
    }
    removeAt(all, name);
  } finally {
    close(all);
    if (lock >= 0) close(lock);
  }
}

/** As removeAt(); the caller's directories that are closed to itself, as overlayfs's own are, are opened first. */
function removeClosed(parent: number, name: string): void {
  try {
    removeAt(parent, name);
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== E.EACCES) throw error;
    if (entryAt(parent, name)?.type !== "directory") throw error;
    check(syscall(NR.fchmodat, parent, cstr(name), 0o700), `chmod ${name}`);
    const fd = check(tryOpenDirectoryAt(parent, name), `open ${name}`);
    try {
      for (const inside of listAt(fd)) removeClosed(fd, inside.name);
    } finally {
      close(fd);
    }
    removeAt(parent, name);
  }
}
