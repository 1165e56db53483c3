/** Discards kept changes. */

import { listAt, parentOf, removeAt } from "../image/unpack/written-tree.ts";
import { lockUpper } from "../sandbox/upper-lock.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { entryAt, tryOpenDirectory, tryOpenDirectoryAt } from "./entry.ts";
import type { Kept } from "./kept.ts";

/**
 * Removes kept changes. Throws a BrunError, before it removes anything, if a container writes to one of them;
 * and a SysError.
 * @param held the parent process holds the locks
 */
export function discardKept(all: readonly Kept[], held = false): void {
  const locks: number[] = [];
  try {
    if (!held) for (const { directory } of all) locks.push(lockUpper(directory, "discard"));
    for (const part of ["upper", "work"])
      for (const { directory } of all) within(directory, (inside) => removeClosed(inside, part));
    // The record is removed last. If this process may not remove a file above, no record is removed, and the
    // command can be repeated.
    for (const [i, { directory, name }] of all.entries())
      within(parentOf(directory), (inside) => {
        try {
          removeAt(inside, name);
        } catch (error) {
          const isHeld = error instanceof SysError && error.errno === E.ENOTEMPTY && i in locks;
          if (!isHeld) throw error;
          // FUSE and NFS rename a removed file that is still open, as the lock is.
          close(locks[i]!);
          delete locks[i];
          removeAt(inside, name);
        }
      });
  } finally {
    for (const lock of Object.values(locks)) close(lock);
  }
}

/** Calls a function with an open directory. Throws a SysError. */
function within(directory: string, use: (fd: number) => void): void {
  const fd = check(tryOpenDirectory(directory), `open ${directory}`);
  try {
    use(fd);
  } finally {
    close(fd);
  }
}

/**
 * Removes a name like removeAt(). Directories without permissions for their owner, such as overlayfs's own, are
 * made accessible first.
 */
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
