/** Access to files and directories in changes: relative to an open directory, without following symbolic links. */
import { type Found, lookAt } from "../image/unpack/attributes.ts";
import { RESOLVE } from "../sys/constants.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, O, S } from "../sys/fs.ts";
import { openat2 } from "../sys/openat2.ts";
import { fromUtf8 } from "../sys/utf8.ts";

export type EntryType = "file" | "directory" | "link" | "fifo" | "socket" | "device";

/** The status of an entry. */
export interface Entry extends Omit<Found, "isNullDevice" | "mount"> {
  readonly type: EntryType;
  /** The permission bits without the type. */
  readonly mode: number;
  /** Whether it is a character device 0:0, overlayfs's mark of a deletion. */
  readonly whiteout: boolean;
}

const TYPES: Readonly<Record<number, EntryType>> = {
  [S.IFREG]: "file",
  [S.IFDIR]: "directory",
  [S.IFLNK]: "link",
  [S.IFIFO]: "fifo",
  [S.IFSOCK]: "socket",
};

/**
 * The status of a name in an open directory, or for "" of the directory itself. Null if it does not exist.
 * Throws a SysError.
 */
export function entryAt(directory: number, name: string): Entry | null {
  const found = lookAt(directory, name, name);
  if (found === null) return null;
  const type = found.mode & S.IFMT;
  return {
    ...found,
    type: TYPES[type] ?? "device",
    mode: found.mode & 0o7777,
    whiteout: type === S.IFCHR && found.isNullDevice,
  };
}

const DIRECTORY = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;

/** Opens a directory in an open one. Returns -errno on failure. */
export function tryOpenDirectoryAt(directory: number, name: string): number {
  return openat2(directory, name, DIRECTORY, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
}

/** Opens a directory by a path without symbolic links. Returns -errno on failure. */
export function tryOpenDirectory(path: string): number {
  return openat2(AT_FDCWD, path, DIRECTORY, RESOLVE.NO_SYMLINKS);
}

/** Opens a file in an open directory for reading. Throws a SysError. */
export function openFileAt(directory: number, name: string): number {
  const flags = O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
  return check(syscall(NR.openat, directory, cstr(name), flags, 0), `open ${name}`);
}

/** The target of a symbolic link in an open directory. Throws a SysError. */
export function linkAt(directory: number, name: string): string {
  const target = new Uint8Array(4096);
  const n = check(syscall(NR.readlinkat, directory, cstr(name), target, target.length), `readlink ${name}`);
  return fromUtf8(target.subarray(0, n));
}

/**
 * Whether overlayfs hides the content of the lower directory. The mark is an extended attribute, whose name
 * begins with "user." if the overlay was mounted in a user namespace.
 */
export function isOpaque(directory: number): boolean {
  const value = new Uint8Array(4);
  return ["user", "trusted"].some((space) => {
    const n = syscall(NR.fgetxattr, directory, cstr(`${space}.overlay.opaque`), value, value.length);
    return n === 1 && value[0] === 0x79;
  });
}

/** Reads a file in an open directory piece by piece. Throws a SysError. */
export function* pieces(directory: number, name: string): Generator<Uint8Array> {
  const fd = openFileAt(directory, name);
  try {
    const piece = new Uint8Array(1 << 16);
    for (;;) {
      const n = check(syscall(NR.read, fd, piece, piece.length), `read ${name}`);
      if (n === 0) return;
      yield piece.subarray(0, n);
    }
  } finally {
    close(fd);
  }
}

/** Reads a whole file in an open directory. Throws a SysError. */
export function contentAt(directory: number, name: string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const piece of pieces(directory, name)) parts.push(piece.slice());
  return Buffer.concat(parts);
}
