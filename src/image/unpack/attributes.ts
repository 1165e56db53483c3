/** What a file is besides its contents, read from the file. */
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import type { Attributes } from "./tree.ts";

const buffer = new Uint8Array(256);
const view = new DataView(buffer.buffer);
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
/** The most that an extended attribute's value has, and all their names together (xattr(7)). */
const XATTR_MAX = 65536;

/** Owner, mode and time of an open file. Throws a SysError. */
export function statAttributes(fd: number, path: string): Omit<Attributes, "xattrs"> {
  check(syscall(NR.statx, fd, cstr(""), AT_EMPTY_PATH, STATX_BASIC_STATS, buffer), `look at ${path || "/"}`);
  return {
    uid: view.getUint32(0x14, true),
    gid: view.getUint32(0x18, true),
    mode: view.getUint16(0x1c, true) & 0o7777,
    mtime: view.getBigInt64(0x70, true) * 1_000_000_000n + BigInt(view.getUint32(0x78, true)),
  };
}

/** Extended attributes of an open file or directory; none of what is open by O_PATH. */
export function readXattrs(fd: number): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  const list = new Uint8Array(XATTR_MAX);
  const n = syscall(NR.flistxattr, fd, list, list.length);
  for (let at = 0; at < n; ) {
    const end = list.indexOf(0, at);
    const name = fromUtf8(list.subarray(at, end));
    at = end + 1;
    const value = new Uint8Array(XATTR_MAX);
    const size = syscall(NR.fgetxattr, fd, cstr(name), value, value.length);
    if (size >= 0) xattrs.set(name, value.slice(0, size));
  }
  return xattrs;
}

/** All of them. Throws a SysError. */
export function attributesOf(fd: number, path: string): Attributes {
  return { ...statAttributes(fd, path), xattrs: readXattrs(fd) };
}
