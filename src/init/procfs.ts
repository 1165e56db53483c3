/** A procfs that nothing in a root file system can redirect or stand in for (CVE-2025-52881). */
import type { Slot } from "../stage/program.ts";
import { FS_MAGIC, RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { OPEN_HOW_SIZE, openHow, type ProcessContext } from "./context.ts";

const STATFS_SIZE = 120;

/** Opens (O_PATH) a directory of the procfs that is mounted where the stage is now, and checks that it is one. */
export function openProcfs(x: ProcessContext, path: string): Slot {
  const { b } = x;
  const proc = b.get("openat", [AT_FDCWD, b.str(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  const statfs = b.reserve(STATFS_SIZE, "statfs");
  b.sys("fstatfs", [proc, statfs]);
  b.check(statfs, 4, 0xffffffffn, FS_MAGIC.PROC, E.EXDEV);
  return proc;
}

/** openat2(2) how for a file of procfs to write to, below the directory and on that very file system. */
export function procFileHow(x: ProcessContext, links = false) {
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_XDEV | (links ? RESOLVE.NO_MAGICLINKS : RESOLVE.NO_SYMLINKS);
  return [openHow(x, O.WRONLY, resolve), OPEN_HOW_SIZE] as const;
}
