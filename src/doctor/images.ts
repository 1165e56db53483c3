/** Whether the image store is usable: containers can copy its files on write, and execute them. */

import type { Caller } from "../../rootless/caller.ts";
import { mountPoints } from "../../rootless/host-view.ts";
import { BrunError } from "../errors.ts";
import { storeDirectory } from "../image/stored.ts";
import { fileSystemType, LOWER } from "../sandbox/tree.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, exists, O, readText, tryOpen } from "../sys/fs.ts";
import { asCaller, type Finding, Subject } from "./finding.ts";

/** f_flags of statfs(2). */
const ST_RDONLY = 1;
const ST_NOEXEC = 8;
const WRITE_AND_SEARCH = 3;
const O_TMPFILE = 0o20000000 | O.DIRECTORY;
/** Bytes for a small image and the files that its containers write. */
const ENOUGH = 1e9;

const ELSEWHERE = asCaller("set XDG_DATA_HOME to a directory on another file system");

/** Checks the store, or the directory in which it will be. Leaves nothing behind. */
export function images(caller: Caller): Finding {
  const subject = new Subject("images", "root file systems from registries: run --image", caller);
  let directory: string;
  try {
    directory = storeDirectory();
  } catch (error) {
    if (error instanceof BrunError) return subject.warn(error.message, asCaller(error.hint ?? "set HOME"));
    throw error;
  }
  let there = directory;
  while (there !== "/" && !exists(there)) there = there.slice(0, there.lastIndexOf("/")) || "/";
  const where = `images go to ${directory}`;
  const found = lookAt(there);
  if (found === null) return subject.warn(`${there} cannot be looked at`, ELSEWHERE);
  const { flags, free } = found;
  if ((flags & ST_RDONLY) !== 0) return subject.warn(`${where}, which is read-only`, ELSEWHERE);
  const file = tryOpen(there, O_TMPFILE | O.RDWR, 0o600);
  if (file < 0 && there !== directory && syscall(NR.faccessat, AT_FDCWD, cstr(there), WRITE_AND_SEARCH) < 0) {
    return subject.warn(`${where}, which cannot be made in ${there}`, ELSEWHERE);
  }
  const xattr = file < 0 ? 0 : syscall(NR.fsetxattr, file, cstr("user.brun"), new Uint8Array(1), 1, 0);
  if (file >= 0) close(file);
  const type = fileSystemType(mountPoints(readText("/proc/self/mountinfo")), there);
  const overlays = LOWER.test(type);
  if (!overlays && (flags & ST_NOEXEC) !== 0)
    return subject.warn(`${where}, which is mounted noexec: nothing of them could run`, ELSEWHERE);
  if (!overlays)
    return subject.warn(
      `${where}: containers cannot write to them, as no overlay can be on ${type}`,
      ELSEWHERE,
    );
  if (free !== null && free < ENOUGH)
    return subject.warn(`${where}: ${gigabytes(free)} free`, asCaller("brun image prune --all"));
  const lacking = xattr < 0 ? "; without extended attributes: those of images are left out" : "";
  return subject.ok(`${where}${free === null ? "" : `: ${gigabytes(free)} free`}${lacking}`);
}

/** Flags of a file system, and its free bytes; null where it does not say them. Null for one that cannot be asked. */
function lookAt(path: string): { flags: number; free: number | null } | null {
  // struct statfs: f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid, f_namelen, f_frsize, f_flags
  const statfs = new BigInt64Array(16);
  if (syscall(NR.statfs, cstr(path), statfs) < 0) return null;
  return { flags: Number(statfs[10]), free: statfs[2] === 0n ? null : Number(statfs[4]! * statfs[1]!) };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
