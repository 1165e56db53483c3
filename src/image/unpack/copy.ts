/** Copies an image's root, so that its files may be written to. The files in the store are shared. */
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close, fstat, O, S } from "../../sys/fs.ts";
import { attributesOf } from "./attributes.ts";
import type { Owner } from "./owner.ts";
import { DT_DIR, fdLink, joinPath, listAt, setTimes } from "./written-tree.ts";

const READ = O.RDONLY | O.NOFOLLOW | O.CLOEXEC;

/** Copies the content of a directory into another one. Both are open. Throws a SysError or BrunError. */
export function copyTree(from: number, to: number, owner: Owner): void {
  new Copy(owner).directory(from, to, "");
}

class Copy {
  /** The first copied name of each file with several names, by inode number. */
  private readonly first = new Map<bigint, { readonly fd: number; readonly name: string }>();

  constructor(private readonly owner: Owner) {}

  directory(from: number, to: number, path: string): void {
    for (const { name, type } of listAt(from)) {
      const at = joinPath(path, name);
      if (type === DT_DIR) this.subdirectory(from, to, name, at);
      else this.file(from, to, name, at);
    }
    const attributes = attributesOf(from, path);
    this.owner.apply(to, path || "/", attributes);
    setTimes(to, null, attributes.mtime);
  }

  private subdirectory(from: number, to: number, name: string, path: string): void {
    const source = check(syscall(NR.openat, from, cstr(name), READ | O.DIRECTORY, 0), `open ${path}`);
    check(syscall(NR.mkdirat, to, cstr(name), 0o700), `make the directory ${path}`);
    const target = check(syscall(NR.openat, to, cstr(name), READ | O.DIRECTORY, 0), `open ${path}`);
    this.directory(source, target, path);
    close(source);
    close(target);
  }

  private file(from: number, to: number, name: string, path: string): void {
    const look = check(
      syscall(NR.openat, from, cstr(name), O.PATH | O.NOFOLLOW | O.CLOEXEC, 0),
      `open ${path}`,
    );
    const { mode, ino, nlink } = fstat(look);
    const attributes = attributesOf(look, path);
    const kind = mode & S.IFMT;
    const doing = `make ${path}`;
    const known = nlink > 1 ? this.first.get(ino) : undefined;
    if (known !== undefined) {
      check(syscall(NR.linkat, known.fd, cstr(known.name), to, cstr(name), 0), `link ${path}`);
    } else if (kind === S.IFLNK) {
      check(syscall(NR.symlinkat, cstr(fdLink(look) ?? ""), to, cstr(name)), doing);
    } else if (kind === S.IFIFO) {
      check(syscall(NR.mknodat, to, cstr(name), S.IFIFO | (mode & 0o777), 0), doing);
    } else if (kind === S.IFREG) this.contents(from, to, name, path);
    close(look);
    if (known === undefined && nlink > 1) {
      this.first.set(ino, {
        fd: check(syscall(NR.openat, to, cstr("."), O.PATH | O.CLOEXEC, 0), doing),
        name,
      });
    }
    if (known !== undefined || kind === S.IFREG) return;
    this.owner.applyAt(to, name, path, attributes);
    if (kind === S.IFIFO)
      check(syscall(NR.fchmodat, to, cstr(name), mode & 0o7777), `change the mode of ${path}`);
    setTimes(to, name, attributes.mtime);
  }

  private contents(from: number, to: number, name: string, path: string): void {
    const source = check(syscall(NR.openat, from, cstr(name), READ, 0), `open ${path}`);
    const flags = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;
    const target = check(syscall(NR.openat, to, cstr(name), flags, 0o600), `make ${path}`);
    try {
      copyBytes(source, target, path);
      const attributes = attributesOf(source, path);
      this.owner.apply(target, path, attributes);
      setTimes(target, null, attributes.mtime);
    } finally {
      close(source);
      close(target);
    }
  }
}

const CHUNK = 1 << 20;
const MOST = 1 << 30;

/**
 * Copies the rest of an open file to another one. The kernel copies if it can, and shares blocks if the file
 * system can. Throws a SysError.
 */
export function copyBytes(source: number, target: number, path: string): void {
  for (;;) {
    const n = syscall(NR.copy_file_range, source, 0, target, 0, MOST, 0);
    if (n === 0) return;
    if (n === -E.EXDEV || n === -E.EINVAL || n === -E.EOPNOTSUPP || n === -E.ENOSYS) break;
    check(n, `copy ${path}`);
  }
  const buffer = new Uint8Array(CHUNK);
  for (;;) {
    const n = check(syscall(NR.read, source, buffer, buffer.length), `read ${path}`);
    if (n === 0) return;
    for (let at = 0; at < n; )
      at += check(syscall(NR.write, target, buffer.subarray(at, n), n - at), `write ${path}`);
  }
}
