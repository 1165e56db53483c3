/**
 * A directory tree that is being written. No path and no link leads out of its root. Paths are relative,
 * without "." and "..", and "" is the root itself.
 */
import { RESOLVE } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { type Arg, cstr, NR, syscall } from "../../sys/ffi.ts";
import {
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  close,
  eachEntry,
  fstat,
  O,
  open,
  S,
  type Stat,
} from "../../sys/fs.ts";
import { openat2 } from "../../sys/openat2.ts";
import { fromUtf8 } from "../../sys/utf8.ts";

/** The maximum number of directories that are kept open. Most archives list entries directory by directory. */
const OPEN_MAX = 64;
/** The maximum number of links in a path, as in the kernel (MAXSYMLINKS). */
const LINKS_MAX = 40;

/** A directory in the tree: its descriptor, and its path without links. */
export interface Place {
  readonly fd: number;
  readonly path: string;
}

/** "a/b" of "a/b/c"; "" of "a". */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** "c" of "a/b/c". */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Whether a path is a directory or below it. Every path is below "". */
export function isAtOrBelow(path: string, directory: string): boolean {
  return directory === "" || path === directory || path.startsWith(`${directory}/`);
}

const READ_DIRECTORY = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;

/** Opens a path below a root, which nothing leads out of. Returns -errno on failure. */
function openBelow(root: number, path: string, flags: number): number {
  return openat2(root, path || ".", flags, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
}

/** Callbacks for missing directories in a path. */
interface Making {
  /** Called before a name is made in a directory. */
  in(above: Place): void;
  made(path: string): void;
}

/** The tree below a directory. */
export class Tree {
  readonly root: number;
  /** Whether there may be symbolic links. Without links a path is real as it is. */
  private links = false;
  private readonly opened = new Map<string, Place>();
  /** Whether something has been removed. */
  removed = false;
  /** Descriptors that callers may still use. */
  private retired: number[] = [];

  /** @param directory an existing directory */
  constructor(
    directory: string,
    private readonly making: Making | null = null,
  ) {
    this.root = open(directory, O.PATH | O.DIRECTORY | O.NOFOLLOW);
  }

  close(): void {
    this.forget();
    this.sweep();
    close(this.root);
  }

  /** Closes retired descriptors. Callers may not use earlier descriptors any more. */
  sweep(): void {
    if (this.retired.length === 0) return;
    for (const fd of this.retired) close(fd);
    this.retired = [];
  }

  /** Called when the tree has a symbolic link. */
  hasLinks(): void {
    this.links = true;
  }

  /** Forgets the open directories, since the tree has changed. */
  forget(): void {
    for (const { fd } of this.opened.values()) this.retired.push(fd);
    this.opened.clear();
  }

  /**
   * Returns the directory at a path, and makes it and its parents if they are missing. The descriptor belongs
   * to the tree, and is valid until {@link sweep}.
   * @throws SysError (ENOTDIR if a part of the path is no directory)
   */
  directory(path: string): Place {
    if (path === "") return { fd: this.root, path };
    const known = this.opened.get(path);
    if (known !== undefined) return known;
    let fd = openBelow(this.root, path, O.PATH | O.DIRECTORY);
    let real = path;
    if (fd === -E.ENOENT) {
      const above = this.directory(parentOf(path));
      const name = baseOf(path);
      real = joinPath(above.path, name);
      this.making?.in(above);
      const result = syscall(NR.mkdirat, above.fd, cstr(name), 0o755);
      if (result === 0) this.making?.made(real);
      // A dangling link is in the way: make its target.
      else if (result === -E.EEXIST) return this.directory(this.resolved(path));
      else check(result, `make the directory ${path}`);
      fd = openBelow(this.root, real, O.PATH | O.DIRECTORY);
    } else if (fd >= 0 && this.links) real = this.resolved(path);
    check(fd, `open the directory ${path}`);
    const place = { fd, path: real };
    if (this.opened.size >= OPEN_MAX) this.forget();
    this.opened.set(path, place);
    return place;
  }

  /** The directory at a path; null if there is none. The descriptor belongs to the tree. */
  directoryIfThere(path: string): Place | null {
    if (path === "" || this.opened.has(path)) return this.directory(path);
    const fd = openBelow(this.root, path, O.PATH | O.DIRECTORY);
    if (fd < 0) return null;
    close(fd);
    return this.directory(path);
  }

  /** Resolves all links of a path, as the kernel would with this root. Throws a SysError. */
  private resolved(path: string): string {
    const rest = path.split("/");
    const way: string[] = [];
    for (let links = 0; rest.length > 0; ) {
      const part = rest.shift()!;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        way.pop();
        continue;
      }
      way.push(part);
      const target = this.linkAt(way.join("/"));
      if (target === null) continue;
      if (++links > LINKS_MAX) check(-E.ELOOP, `open ${path}`);
      way.pop();
      if (target.startsWith("/")) way.length = 0;
      rest.unshift(...target.split("/"));
    }
    return way.join("/");
  }

  private linkAt(path: string): string | null {
    const fd = openBelow(this.root, path, O.PATH | O.NOFOLLOW);
    if (fd < 0) return null;
    const target = fdLink(fd);
    close(fd);
    return target;
  }

  /** The status of a path, whose last part is not followed; null if it does not exist. */
  look(path: string): Stat | null {
    const fd = openBelow(this.root, path, O.PATH | O.NOFOLLOW);
    if (fd < 0) return null;
    try {
      return fstat(fd);
    } finally {
      close(fd);
    }
  }

  /** Opens a directory to change its attributes. The caller closes the descriptor. Throws a SysError. */
  openDirectory(path: string): number {
    return check(openBelow(this.root, path, READ_DIRECTORY), `open the directory ${path || "/"}`);
  }

  /** Removes a name with everything below it. A missing name is no error. Throws a SysError. */
  remove(parent: number, name: string): void {
    this.forget();
    if (removeAt(parent, name)) this.removed = true;
  }

  /** Calls a function that makes a name. If the name exists, it is removed first. Throws a SysError. */
  replacing(parent: number, name: string, doing: string, make: () => number): number {
    let result = make();
    if (result === -E.EEXIST) {
      this.remove(parent, name);
      result = make();
    }
    return check(result, doing);
  }
}

/** The target of an open symbolic link; null for other files. */
export function fdLink(fd: number): string | null {
  const buffer = new Uint8Array(4096);
  const n = syscall(NR.readlinkat, fd, cstr(""), buffer, buffer.length);
  return n > 0 ? fromUtf8(buffer.subarray(0, n)) : null;
}

/** Removes a name with everything below it. Returns whether it existed. Throws a SysError. */
export function removeAt(parent: number, name: string): boolean {
  const result = syscall(NR.unlinkat, parent, cstr(name), 0);
  if (result === 0 || result === -E.ENOENT) return result === 0;
  if (result !== -E.EISDIR && result !== -E.EPERM) check(result, `remove ${name}`);
  const fd = check(syscall(NR.openat, parent, cstr(name), READ_DIRECTORY | O.CLOEXEC, 0), `remove ${name}`);
  try {
    emptyDirectory(fd);
  } finally {
    close(fd);
  }
  check(syscall(NR.unlinkat, parent, cstr(name), AT_REMOVEDIR), `remove ${name}`);
  return true;
}

/** Removes the content of an open directory. Throws a SysError. */
export function emptyDirectory(fd: number): void {
  for (const { name } of listAt(fd)) removeAt(fd, name);
}

/** A name in a directory, and its type from getdents64(2) (DT_DIR is 4). */
export interface Listed {
  readonly name: string;
  readonly type: number;
}

export const DT_DIR = 4;
const DT_REG = 8;

/** Lists an open directory from its beginning. Throws a SysError. */
export function listAt(fd: number): Listed[] {
  check(syscall(NR.lseek, fd, 0, 0), "read a directory");
  const listed: Listed[] = [];
  eachEntry(fd, "a directory", (name, type) => {
    listed.push({ name, type: type || (isDirectoryAt(fd, name) ? DT_DIR : DT_REG) });
  });
  return listed;
}

function isDirectoryAt(parent: number, name: string): boolean {
  const fd = syscall(NR.openat, parent, cstr(name), O.PATH | O.NOFOLLOW | O.CLOEXEC, 0);
  if (fd < 0) return false;
  const { mode } = fstat(fd);
  close(fd);
  return (mode & S.IFMT) === S.IFDIR;
}

/** The attributes of an entry. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Nanoseconds. */
  readonly mtime: bigint;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

const BILLION = 1_000_000_000n;

/** struct timespec[2] with one time for both. */
function bothTimes(ns: bigint): BigInt64Array {
  let seconds = ns / BILLION;
  let rest = ns % BILLION;
  if (rest < 0n) {
    seconds -= 1n;
    rest += BILLION;
  }
  return new BigInt64Array([seconds, rest, seconds, rest]);
}

/** Sets the times of a name, as far as the file system supports them. */
export function setTimes(fd: number, name: string | null, mtime: bigint): void {
  const path: Arg = name === null ? 0 : cstr(name);
  syscall(NR.utimensat, fd, path, bothTimes(mtime), name === null ? 0 : AT_SYMLINK_NOFOLLOW);
}
