/** A procfs that nothing in a root file system can redirect or stand in for (CVE-2025-52881). */
import type { Blob, Slot } from "../plan/program.ts";
import { FS_MAGIC, RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { OPEN_HOW_SIZE, openHow, type ProcessContext } from "./context.ts";

const STATFS_SIZE = 120;

/** Opens (O_PATH) a directory of the procfs that is mounted where the stage is now, and checks that it is one. */
export function openProcfs(x: ProcessContext, path: string): Slot {
  const { b } = x;
  const proc = b.get("openat", [AT_FDCWD, b.str(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  b.check(fileSystemOf(x, proc), 4, 0xffffffffn, FS_MAGIC.PROC, E.EXDEV);
  return proc;
}

/** Asks for an open file's file system: the result is struct statfs, which begins with its FS_MAGIC. */
export function fileSystemOf(x: ProcessContext, file: Slot): Blob {
  const statfs = x.b.reserve(STATFS_SIZE, "statfs");
  x.b.sys("fstatfs", [file, statfs]);
  return statfs;
}

/** openat2(2) how for a file of procfs to write to, below the directory and on that very file system. */
export function procFileHow(x: ProcessContext, links = false) {
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_XDEV | (links ? RESOLVE.NO_MAGICLINKS : RESOLVE.NO_SYMLINKS);
  return [openHow(x, O.WRONLY, resolve), OPEN_HOW_SIZE] as const;
}
