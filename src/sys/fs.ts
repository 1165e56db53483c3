/**
 * File functions by system calls. Loading node:fs costs 0.8 ms, which the hot path (create, run, start, exec,
 * state, kill, delete) avoids.
 */

import { AT_EACCESS } from "./constants.ts";
import { E } from "./errno.ts";
import { check, SysError } from "./error.ts";
import { cstr, NR, syscall } from "./ffi.ts";
import { POLLOUT, waitFd } from "./poll.ts";
import { fromUtf8, utf8 } from "./utf8.ts";

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_EMPTY_PATH = 0x1000;

const arm64 = process.arch === "arm64";

/** open(2) flags; four of them differ between x86-64 and arm64 (asm/fcntl.h). */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: arm64 ? 0o40000 : 0o200000,
  NOFOLLOW: arm64 ? 0o100000 : 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

/** File types of st_mode (inode(7)). */
export enum S {
  IFMT = 0o170000,
  IFSOCK = 0o140000,
  IFLNK = 0o120000,
  IFREG = 0o100000,
  IFBLK = 0o060000,
  IFDIR = 0o040000,
  IFCHR = 0o020000,
  IFIFO = 0o010000,
}

/** Opens a file, close-on-exec. Throws a SysError. A relative path starts at `dirfd`. */
export function open(path: string, flags: number, mode = 0, dirfd = AT_FDCWD): number {
  return check(tryOpen(path, flags, mode, dirfd), `open ${path}`);
}

/** As {@link open}, but returns -errno instead of throwing. */
export function tryOpen(path: string, flags: number, mode = 0, dirfd = AT_FDCWD): number {
  for (;;) {
    const fd = syscall(NR.openat, dirfd, cstr(path), flags | O.CLOEXEC, mode);
    if (fd !== -E.EINTR) return fd;
  }
}

/** Closes a file descriptor. Ignores errors, which a caller could not handle. */
export function close(fd: number): void {
  syscall(NR.close, fd);
}

/**
 * Reads to the end of a file descriptor. Throws a SysError.
 * @param sizeHint size of a regular file: nothing is read beyond it
 */
export function readFd(fd: number, what: string, sizeHint = 0): Uint8Array {
  let buffer = new Uint8Array(sizeHint < 4096 ? 4096 : sizeHint + 1);
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const n = syscall(NR.read, fd, buffer.subarray(length), buffer.length - length);
    if (n === -E.EINTR) continue;
    if (n < 0) check(n, `read ${what}`);
    length += n;
    // procfs and sysfs report no size, so their files are read up to the end.
    if (n === 0 || length === sizeHint) return buffer.subarray(0, length);
  }
}

/** Reads an open file from its beginning, and closes it. */
function readAll(fd: number, path: string): Uint8Array {
  try {
    return readFd(fd, path, fstat(fd).size);
  } finally {
    close(fd);
  }
}

/** The bytes of a file. Throws a SysError. */
export function readFile(path: string, dirfd = AT_FDCWD): Uint8Array {
  return readAll(open(path, O.RDONLY, 0, dirfd), path);
}

/** The text of a file (UTF-8), or null if it does not exist. Throws a SysError otherwise. */
export function readTextIfThere(path: string): string | null {
  const fd = tryOpen(path, O.RDONLY);
  if (fd === -E.ENOENT || fd === -E.ENOTDIR) return null;
  return fromUtf8(readAll(check(fd, `open ${path}`), path));
}

/** The text of a file (UTF-8). Throws a SysError. */
export function readText(path: string): string {
  return fromUtf8(readFile(path));
}

/** Writes all of `data` to a file descriptor. Throws a SysError. */
export function writeFd(fd: number, data: Uint8Array | string, what: string): void {
  let rest = typeof data === "string" ? utf8(data) : data;
  while (rest.length > 0) {
    const n = syscall(NR.write, fd, rest, rest.length);
    if (n === -E.EINTR) continue;
    if (n === -E.EAGAIN) {
      waitFd(fd, POLLOUT);
      continue;
    }
    rest = rest.subarray(check(n, `write ${what}`));
  }
}

/** Creates or truncates a file and writes it. Throws a SysError. */
export function writeFile(path: string, data: Uint8Array | string, mode = 0o600): void {
  const fd = open(path, O.WRONLY | O.CREAT | O.TRUNC, mode);
  try {
    writeFd(fd, data, path);
  } finally {
    close(fd);
  }
}

/** Writes to an existing file (procfs, sysfs, cgroupfs) in one write(2). Returns 0 or -errno. */
export function tryWriteExisting(path: string, data: string): number {
  const fd = tryOpen(path, O.WRONLY);
  if (fd < 0) return fd;
  const bytes = utf8(data);
  const n = syscall(NR.write, fd, bytes, bytes.length);
  close(fd);
  return n < 0 ? n : 0;
}

/**
 * Replaces a file atomically: writes a temporary file beside it, then rename(2).
 * @param durable fsync before the rename, for files that must survive a power cut
 */
export function replaceFile(path: string, data: Uint8Array | string, mode = 0o600, durable = false): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = check(tryOpen(temporary, O.WRONLY | O.CREAT | O.TRUNC | O.NOFOLLOW, mode), `write ${path}`);
  try {
    writeFd(fd, data, path);
    if (durable) check(syscall(NR.fsync, fd), `fsync ${temporary}`);
    check(syscall(NR.renameat2, AT_FDCWD, cstr(temporary), AT_FDCWD, cstr(path), 0), `rename ${path}`);
  } catch (error) {
    unlink(temporary);
    throw error;
  } finally {
    close(fd);
  }
}

/** Removes a file; returns 0 or -errno. */
export function unlink(path: string): number {
  return syscall(NR.unlinkat, AT_FDCWD, cstr(path), 0);
}

/** Removes an empty directory; returns 0 or -errno. */
export function rmdir(path: string): number {
  return syscall(NR.unlinkat, AT_FDCWD, cstr(path), AT_REMOVEDIR);
}

/** Makes a directory; returns 0 or -errno. */
export function mkdir(path: string, mode = 0o700): number {
  return syscall(NR.mkdirat, AT_FDCWD, cstr(path), mode);
}

/** Makes a directory and its parents. Throws a SysError. */
export function mkdirAll(path: string, mode = 0o700): void {
  const result = mkdir(path, mode);
  if (result === 0 || result === -E.EEXIST) return;
  const parent = path.replace(/\/+[^/]+\/*$/, "");
  if (result === -E.ENOENT && parent !== "" && parent !== path) {
    mkdirAll(parent, mode);
    const again = mkdir(path, mode);
    if (again === -E.EEXIST) return;
    check(again, `mkdir ${path}`);
    return;
  }
  check(result, `mkdir ${path}`);
}

/** The fields of statx(2) that brun uses. Times are in seconds. */
export interface Stat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly ino: bigint;
  readonly nlink: number;
  readonly ctime: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly devMajor: number;
  readonly devMinor: number;
}

const statxBuffer = new Uint8Array(256);
const statxView = new DataView(statxBuffer.buffer);

/** The struct statx of the last successful call of the functions below, in 32-bit words. */
export const lastStatus = new Uint32Array(statxBuffer.buffer);

const STATX_BASIC_STATS = 0x7ff;

/** Calls statx(2): 0 or -errno. */
function statx(dirfd: number, path: string, flags: number): number {
  return syscall(NR.statx, dirfd, cstr(path), flags, STATX_BASIC_STATS, statxBuffer);
}

function decodeStat(): Stat {
  const v = statxView;
  return {
    nlink: v.getUint32(0x10, true),
    uid: v.getUint32(0x14, true),
    gid: v.getUint32(0x18, true),
    mode: v.getUint16(0x1c, true),
    ino: v.getBigUint64(0x20, true),
    size: Number(v.getBigUint64(0x28, true)),
    ctime: Number(v.getBigInt64(0x60, true)),
    rdevMajor: v.getUint32(0x80, true),
    rdevMinor: v.getUint32(0x84, true),
    devMajor: v.getUint32(0x88, true),
    devMinor: v.getUint32(0x8c, true),
  };
}

/** The status of an open file. Throws a SysError. */
export function fstat(fd: number): Stat {
  check(statx(fd, "", AT_EMPTY_PATH), `stat fd ${fd}`);
  return decodeStat();
}

/** The status of a path; symbolic links are followed. Throws a SysError. */
export function stat(path: string): Stat {
  check(statx(AT_FDCWD, path, 0), `stat ${path}`);
  return decodeStat();
}

/** The status of a path, or -errno as a number. With `nofollow` a symbolic link itself is looked at. */
export function tryStat(path: string, nofollow = false): Stat | number {
  const result = statx(AT_FDCWD, path, nofollow ? AT_SYMLINK_NOFOLLOW : 0);
  return result < 0 ? result : decodeStat();
}

/** Whether a path exists (symbolic links followed). */
export function exists(path: string): boolean {
  return statx(AT_FDCWD, path, 0) === 0;
}

/** The target of a symbolic link. Throws a SysError. */
export function readlink(path: string): string {
  const buffer = new Uint8Array(4096);
  const n = check(syscall(NR.readlinkat, AT_FDCWD, cstr(path), buffer, buffer.length), `readlink ${path}`);
  return fromUtf8(buffer.subarray(0, n));
}

/** The buffer for readlink(2). It is made once, since a new one for each path costs more than the call. */
let link: Uint8Array | undefined;

/** The target of a symbolic link; null for any other file. */
export function tryReadlink(path: string): string | null {
  link ??= new Uint8Array(4096);
  const n = syscall(NR.readlinkat, AT_FDCWD, cstr(path), link, link.length);
  return n > 0 ? fromUtf8(link.subarray(0, n)) : null;
}

/** The buffer for getdents64(2). It is made once, since a new one costs more than the call. */
let entries: Uint8Array | undefined;

/** The names in a directory without "." and "..", in the kernel's order. Throws a SysError. */
export function readdir(path: string): string[] {
  const fd = open(path, O.RDONLY | O.DIRECTORY);
  const names: string[] = [];
  try {
    eachEntry(fd, path, (name) => {
      names.push(name);
    });
    return names;
  } finally {
    close(fd);
  }
}

/**
 * Calls `take` with each further name in an open directory, and its type: d_type of getdents64(2), which is 0 if
 * the file system does not report types. Throws a SysError.
 * @param take must not read a directory itself: there is only one buffer
 */
export function eachEntry(fd: number, what: string, take: (name: string, type: number) => void): void {
  entries ??= new Uint8Array(32768);
  const buffer = entries;
  const view = new DataView(buffer.buffer);
  for (;;) {
    const n = check(syscall(NR.getdents64, fd, buffer, buffer.length), `read ${what}`);
    if (n === 0) return;
    for (let at = 0; at < n; at += view.getUint16(at + 16, true)) {
      const end = buffer.indexOf(0, at + 19);
      const name = fromUtf8(buffer.subarray(at + 19, end));
      if (name !== "." && name !== "..") take(name, buffer[at + 18]!);
    }
  }
}

/** The current directory, to resolve `path`. If it has no path, throws a SysError that names `path`. */
function currentDirectory(path: string): string {
  const buffer = new Uint8Array(4096);
  const n = syscall(NR.getcwd, buffer, buffer.length);
  if (n > 0 && buffer[0] === 0x2f) return fromUtf8(buffer.subarray(0, n - 1));
  // The kernel writes "(unreachable)/…" for a directory outside of the root directory.
  const why =
    n === -E.ENOENT ? "has been removed" : n < 0 ? "has a path that is too long" : "is out of reach";
  throw new SysError(
    `"${path}" is relative to the current directory, which ${why}: go to another one, or give an absolute path`,
    n < 0 ? -n : E.ENOENT,
  );
}

/**
 * An absolute, normalised path: "..", "." and doubled slashes are resolved lexically, links are not. Throws a
 * SysError if it is relative to a current directory that has no path.
 * @param base absolute; by default the current directory
 */
export function absolute(path: string, base?: string): string {
  const full = path.startsWith("/") ? path : `${base ?? currentDirectory(path)}/${path}`;
  const parts: string[] = [];
  for (const part of full.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The part of an absolute path below a directory, beginning with a slash; null if the path is not below it. */
export function below(directory: string, path: string): string | null {
  if (directory === "/" || !path.startsWith(`${directory}/`)) return null;
  return path.slice(directory.length);
}

/** Rights of access(2). */
export const R_OK = 4;
export const W_OK = 2;
export const X_OK = 1;

/** Whether this process has a right to a path with its effective ids: 0 or -errno. */
export function access(path: string, right: number): number {
  const result = syscall(NR.faccessat2, AT_FDCWD, cstr(path), right, AT_EACCESS);
  // faccessat2(2) is missing before Linux 5.8, or a filter refuses it. faccessat(2) asks with the real ids, which
  // are the same unless brun is setuid.
  if (result !== -E.ENOSYS && result !== -E.EPERM) return result;
  return syscall(NR.faccessat, AT_FDCWD, cstr(path), right);
}
