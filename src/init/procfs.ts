/** Access to procfs that no file or mount of a root file system can redirect or replace (CVE-2025-52881). */
import type { Blob, Slot } from "../plan/program.ts";
import { FS_MAGIC, RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { OPEN_HOW_SIZE, openHow, type ProcessContext } from "./context.ts";

const STATFS_SIZE = 120;

/** Opens (O_PATH) a directory of the procfs that the stage sees now, and checks that it is procfs. */
export function openProcfs(x: ProcessContext, path: string): Slot {
  const { b } = x;
  const proc = b.get("openat", [AT_FDCWD, b.str(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  b.check(fileSystemOf(x, proc), 4, 0xffffffffn, FS_MAGIC.PROC, E.EXDEV);
  return proc;
}

/** Queries an open file's file system. The result is a struct statfs, which begins with the FS_MAGIC. */
export function fileSystemOf(x: ProcessContext, file: Slot): Blob {
  const statfs = x.b.reserve(STATFS_SIZE, "statfs");
  x.b.sys("fstatfs", [file, statfs]);
  return statfs;
}

/** The how of openat2(2) for writing a procfs file below the directory, on the same file system. */
export function procFileHow(x: ProcessContext, links = false) {
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_XDEV | (links ? RESOLVE.NO_MAGICLINKS : RESOLVE.NO_SYMLINKS);
  return [openHow(x, O.WRONLY, resolve), OPEN_HOW_SIZE] as const;
}
