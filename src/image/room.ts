/** The free space in a file system: what there is, and how much of it one layer may use. */
import { BrunError } from "../errors.ts";
import { check, isFull, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import type { Room } from "./unpack/layer-data.ts";

/** The hint for a full disk. */
export const SPACE_HINT = "`brun image prune --all`, or XDG_DATA_HOME on another disk";

/** An error of work on the store with its place, and the hint if the disk is full. Other errors stay what they are. */
export function storeError(error: unknown, place: string): unknown {
  if (!(error instanceof BrunError || error instanceof SysError)) return error;
  const { where = place, hint } = error instanceof BrunError ? error : {};
  const full = isFull(error);
  return new BrunError(error.message, {
    code: full ? "ERR_NO_SPACE" : error.code,
    where,
    hint: hint ?? (full ? SPACE_HINT : undefined),
    cause: error,
  });
}

/** The part of the free space that one layer may use. */
const PART = 0.95;

/** The free space for this user in the file system of a directory. Throws a SysError. */
export function freeSpace(directory: string): Room {
  const statfs = new BigInt64Array(16);
  check(syscall(NR.statfs, cstr(directory), statfs), `look at ${directory}`);
  // struct statfs: f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree. Some file systems set them
  // to 0.
  const of = (all: bigint, free: bigint) => (all === 0n ? Number.MAX_SAFE_INTEGER : Number(free));
  return {
    bytes: of(statfs[2]!, statfs[4]! * statfs[1]!),
    inodes: of(statfs[5]!, statfs[6]!),
  };
}

/** The free space that one layer may use. Throws a SysError. */
export function roomForLayer(directory: string): Room {
  const { bytes, inodes } = freeSpace(directory);
  return { bytes: Math.floor(bytes * PART), inodes: Math.floor(inodes * PART) };
}
