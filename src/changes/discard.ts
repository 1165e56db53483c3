/** Throwing away what is kept. */

import { listAt, parentOf, removeAt } from "../image/unpack/written-tree.ts";
import { lockUpper } from "../sandbox/upper-lock.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { entryAt, tryOpenDirectory, tryOpenDirectoryAt } from "./entry.ts";
import type { Kept } from "./kept.ts";

/**
 * Removes all of it, of several at once. Throws a BrunError while a container writes to one of them, before anything is
 * removed, and a SysError.
 * @param held whoever has started this process has the locks
 */
export function discardKept(all: readonly Kept[], held = false): void {
  const locks: number[] = [];
  try {
    if (!held) for (const { directory } of all) locks.push(lockUpper(directory, "discard"));
    for (const part of ["upper", "work"])
      for (const { directory } of all) within(directory, (inside) => removeClosed(inside, part));
    // With its record each is gone. When this process may not remove something above, none is, and all can be begun again.
    for (const { directory, name } of all) within(parentOf(directory), (inside) => removeAt(inside, name));
  } finally {
    for (const lock of locks) close(lock);
  }
}

/** Opens a directory for something. Throws a SysError. */
function within(directory: string, use: (fd: number) => void): void {
  const fd = check(tryOpenDirectory(directory), `open ${directory}`);
  try {
    use(fd);
  } finally {
    close(fd);
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
