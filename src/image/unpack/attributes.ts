/** Reads the status and the extended attributes of files. */
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "../../sys/fs.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import type { Attributes } from "./written-tree.ts";

const buffer = new Uint8Array(256);
const view = new DataView(buffer.buffer);
const AT_NO_AUTOMOUNT = 0x800;
const STATX_BASIC = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MNT_ID = 0x1000;
const BILLION = 1_000_000_000n;
/** The maximum size of an extended attribute's value, and of all names together (xattr(7)). */
const XATTR_MAX = 65536;
const list = new Uint8Array(XATTR_MAX);

/** The status of a file, with fields that src/sys/fs.ts omits. */
export interface Found {
  /** Permissions and type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Times are nanoseconds since the epoch. btime is null if the file system has none. */
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly btime: bigint | null;
  /** The device number is 0:0. */
  readonly isNullDevice: boolean;
  readonly ino: bigint;
  readonly nlink: number;
  /** The id of the file's mount. */
  readonly mount: bigint;
}

/**
 * The status of a name in a directory without following links, or for the name "" of the descriptor itself.
 * Null if it does not exist. Throws a SysError.
 */
export function lookAt(directory: number, name: string, path: string): Found | null {
  const flags = name === "" ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  const result = syscall(
    NR.statx,
    directory,
    cstr(name),
    flags,
    STATX_BASIC | STATX_BTIME | STATX_MNT_ID,
    buffer,
  );
  if (result === -E.ENOENT) return null;
  check(result, `look at ${path || "/"}`);
  return {
    nlink: view.getUint32(0x10, true),
    uid: view.getUint32(0x14, true),
    gid: view.getUint32(0x18, true),
    mode: view.getUint16(0x1c, true),
    ino: view.getBigUint64(0x20, true),
    size: Number(view.getBigUint64(0x28, true)),
    mtime: timeAt(0x70),
    ctime: timeAt(0x60),
    btime: (view.getUint32(0, true) & STATX_BTIME) !== 0 ? timeAt(0x50) : null,
    isNullDevice: view.getUint32(0x80, true) === 0 && view.getUint32(0x84, true) === 0,
    mount: view.getBigUint64(0x90, true),
  };
}

/** Converts struct statx_timestamp to nanoseconds. */
function timeAt(at: number): bigint {
  return view.getBigInt64(at, true) * BILLION + BigInt(view.getUint32(at + 8, true));
}

/** The owner, mode and time of an open file. Throws a SysError. */
export function statAttributes(fd: number, path: string): Omit<Attributes, "xattrs"> {
  const { uid, gid, mode, mtime } = lookAt(fd, "", path)!;
  return { uid, gid, mode: mode & 0o7777, mtime };
}

/** The names of the extended attributes of an open file or directory. Empty for descriptors of O_PATH. */
export function xattrNames(fd: number): string[] {
  const n = syscall(NR.flistxattr, fd, list, list.length);
  const names: string[] = [];
  for (let at = 0; at < n; ) {
    const end = list.indexOf(0, at);
    names.push(fromUtf8(list.subarray(at, end)));
    at = end + 1;
  }
  return names;
}

/** The extended attributes of an open file or directory. Empty for descriptors of O_PATH. */
export function readXattrs(fd: number): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const name of xattrNames(fd)) {
    const value = new Uint8Array(XATTR_MAX);
    const size = syscall(NR.fgetxattr, fd, cstr(name), value, value.length);
    if (size >= 0) xattrs.set(name, value.slice(0, size));
  }
  return xattrs;
}

/** All attributes of an open file. Throws a SysError. */
export function attributesOf(fd: number, path: string): Attributes {
  return { ...statAttributes(fd, path), xattrs: readXattrs(fd) };
}
