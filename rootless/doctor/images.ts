/** Whether images can be kept where they are to be: their files have to be run, owned and labelled there. */

import { BrunError } from "../../src/errors.ts";
import { storeDirectory } from "../../src/image/record.ts";
import { cstr, NR, syscall } from "../../src/sys/ffi.ts";
import { close, exists, O, tryOpen } from "../../src/sys/fs.ts";
import type { Caller } from "../caller.ts";
import { asCaller, type Finding, Subject } from "./finding.ts";

/** f_flags of statfs(2). */
const ST_RDONLY = 1;
const ST_NOSUID = 2;
const ST_NOEXEC = 8;
const O_TMPFILE = 0o20000000 | O.DIRECTORY;
/** What a small image and what comes after it take. */
const ENOUGH = 1e9;

const ELSEWHERE = asCaller("set XDG_DATA_HOME to a directory on another file system");

/** What there is, or will be. Leaves nothing behind. */
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
  // struct statfs: f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid, f_namelen, f_frsize, f_flags
  const statfs = new BigInt64Array(16);
  if (syscall(NR.statfs, cstr(there), statfs) < 0)
    return subject.warn(`${there} cannot be looked at`, ELSEWHERE);
  const flags = Number(statfs[10]);
  const free = Number(statfs[4]! * statfs[1]!);
  const where = `images go to ${directory}`;
  if ((flags & ST_RDONLY) !== 0) return subject.warn(`${where}, which is read-only`, ELSEWHERE);
  if ((flags & ST_NOEXEC) !== 0)
    return subject.warn(`${where}, which is mounted noexec: nothing of them could run`, ELSEWHERE);
  const file = tryOpen(there, O_TMPFILE | O.RDWR, 0o600);
  if (file < 0 && there !== directory && syscall(NR.faccessat, -100, cstr(there), 3) < 0) {
    return subject.warn(`${where}, which cannot be made in ${there}`, ELSEWHERE);
  }
  const xattr = file < 0 ? 0 : syscall(NR.fsetxattr, file, cstr("user.brun"), new Uint8Array(1), 1, 0);
  if (file >= 0) close(file);
  if (xattr < 0)
    return subject.warn(
      `${where}, whose file system has no extended attributes: overlays cannot be on it`,
      ELSEWHERE,
    );
  const space = `${(free / 1e9).toFixed(1)} GB free`;
  if (free < ENOUGH) return subject.warn(`${where}: ${space}`, asCaller("brun image prune --all"));
  const nosuid = (flags & ST_NOSUID) !== 0 ? "; mounted nosuid: sudo and the like do not work in them" : "";
  return subject.ok(`${where}: ${space}${nosuid}`);
}
