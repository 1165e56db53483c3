/**
 * Packs the changes of a container as the archive of a layer. It compares the container's root with the image's
 * root name by name.
 */
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close, O, S } from "../../sys/fs.ts";
import type { TarEntry } from "../tar/reader.ts";
import { archiveEnd, entryHeaders, filling } from "../tar/writer.ts";
import { type Found, lookAt, readXattrs } from "./attributes.ts";
import { DROPPED, NOTE, readNote } from "./owner.ts";
import { PackedFile, type PackedLayer } from "./packed-file.ts";
import { fdLink, joinPath, listAt } from "./written-tree.ts";

/**
 * Writes the layer that turns `base` into `changed`, gzip-compressed.
 * @param changed a descriptor of the container's root
 * @param base a descriptor of the image's root
 * @param file a new file
 */
export async function packChanges(changed: number, base: number, file: string): Promise<PackedLayer> {
  const packer = new Packer(file);
  await packer.directory(changed, base, "", lookAt(changed, "", "")!.mount);
  await packer.out.put(archiveEnd());
  return packer.out.finish();
}

const CHUNK = 1 << 20;

class Packer {
  readonly out: PackedFile;
  /** The first name of each file that has several names. */
  private readonly first = new Map<bigint, string>();

  constructor(file: string) {
    this.out = new PackedFile(file);
  }

  /** @param mount the root's mount; other mounts do not belong to the container's files */
  async directory(changed: number, base: number | null, path: string, mount: bigint): Promise<void> {
    const names = listAt(changed).map(({ name }) => name);
    if (base !== null) {
      const there = new Set(names);
      for (const { name } of listAt(base))
        if (!there.has(name)) await this.whiteout(joinPath(path, `.wh.${name}`));
    }
    for (const name of names.sort()) await this.name(changed, base, name, joinPath(path, name), mount);
  }

  private async name(
    changed: number,
    base: number | null,
    name: string,
    path: string,
    mount: bigint,
  ): Promise<void> {
    const now = lookAt(changed, name, path);
    if (now === null || now.mount !== mount) return;
    const before = base === null ? null : lookAt(base, name, path);
    const kind = now.mode & S.IFMT;
    if (kind === S.IFDIR) {
      const fd = check(syscall(NR.openat, changed, cstr(name), READ | O.DIRECTORY, 0), `open ${path}`);
      const isDirectory = before !== null && (before.mode & S.IFMT) === S.IFDIR;
      const below = isDirectory
        ? check(syscall(NR.openat, base!, cstr(name), READ | O.DIRECTORY, 0), `open ${path}`)
        : null;
      try {
        const isNew = below === null || differs(now, before!, false);
        if (isNew || otherXattrs(fd, now, below, before!)) await this.entry(fd, path, now, "dir");
        await this.directory(fd, below, path, mount);
      } finally {
        close(fd);
        if (below !== null) close(below);
      }
      return;
    }
    if (
      before !== null &&
      !differs(now, before, true) &&
      this.sameLink(changed, base!, name, kind) &&
      !(kind === S.IFREG && this.otherXattrsAt(changed, now, base!, before, name, path))
    )
      return;
    const type = kind === S.IFREG ? "file" : kind === S.IFLNK ? "symlink" : kind === S.IFIFO ? "fifo" : null;
    // Images have no sockets and devices.
    if (type === null) return;
    const fd = check(
      syscall(NR.openat, changed, cstr(name), type === "file" ? READ : O.PATH | O.NOFOLLOW | O.CLOEXEC, 0),
      `open ${path}`,
    );
    try {
      await this.entry(fd, path, now, type);
    } finally {
      close(fd);
    }
  }

  /** Whether the extended attributes of a file differ from the image's. */
  private otherXattrsAt(
    changed: number,
    now: Found,
    base: number,
    before: Found,
    name: string,
    path: string,
  ): boolean {
    if (now.ctime === before.ctime) return false;
    const fd = check(syscall(NR.openat, changed, cstr(name), READ, 0), `open ${path}`);
    const old = check(syscall(NR.openat, base, cstr(name), READ, 0), `open ${path}`);
    const differ = otherXattrs(fd, now, old, before);
    close(fd);
    close(old);
    return differ;
  }

  private sameLink(changed: number, base: number, name: string, kind: number): boolean {
    return kind !== S.IFLNK || linkOf(changed, name) === linkOf(base, name);
  }

  private async entry(fd: number, path: string, found: Found, type: TarEntry["type"]): Promise<void> {
    const other = type === "file" && found.nlink > 1 ? this.first.get(found.ino) : undefined;
    if (type === "file" && found.nlink > 1) this.first.set(found.ino, other ?? path);
    const [xattrs, note] =
      type === "file" || type === "dir" ? xattrsOf(fd) : [new Map<string, Uint8Array>(), null];
    const entry: TarEntry = {
      type: other === undefined ? type : "link",
      path,
      linkPath: other ?? (type === "symlink" ? (fdLink(fd) ?? "") : ""),
      mode: found.mode & 0o7777,
      uid: note?.uid ?? found.uid,
      gid: note?.gid ?? found.gid,
      size: found.size,
      mtime: found.mtime,
      xattrs,
      sparse: null,
    };
    await this.out.put(entryHeaders(entry));
    if (entry.type === "file") await this.contents(fd, path, found.size);
  }

  private async contents(fd: number, path: string, size: number): Promise<void> {
    let left = size;
    while (left > 0) {
      const bytes = new Uint8Array(Math.min(CHUNK, left));
      const n = check(syscall(NR.read, fd, bytes, bytes.length), `read ${path}`);
      // The file was truncated meanwhile. Its size is in the archive already.
      const part = n === 0 ? bytes.fill(0) : bytes.subarray(0, n);
      left -= part.length;
      await this.out.put(part);
    }
    await this.out.put(filling(size));
  }

  private async whiteout(path: string): Promise<void> {
    const mtime = 0n;
    const entry: TarEntry = {
      type: "file",
      path,
      linkPath: "",
      mode: 0,
      uid: 0,
      gid: 0,
      size: 0,
      mtime,
      xattrs: new Map(),
      sparse: null,
    };
    await this.out.put(entryHeaders(entry));
  }
}

const READ = O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC;

/** @param whole times and size count, too; those of a directory change with its names */
function differs(now: Found, before: Found, whole: boolean): boolean {
  const attributes = now.mode !== before.mode || now.uid !== before.uid || now.gid !== before.gid;
  return attributes || (whole && (now.size !== before.size || now.mtime !== before.mtime));
}

/** Whether extended attributes differ. Changing them changes only the ctime. */
function otherXattrs(fd: number, now: Found, old: number, before: Found): boolean {
  if (now.ctime === before.ctime) return false;
  const [[xattrs], [others]] = [xattrsOf(fd), xattrsOf(old)];
  if (xattrs.size !== others.size) return true;
  for (const [name, value] of xattrs) {
    const other = others.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return true;
  }
  return false;
}

function linkOf(parent: number, name: string): string | null {
  const fd = syscall(NR.openat, parent, cstr(name), O.PATH | O.NOFOLLOW | O.CLOEXEC, 0);
  if (fd < 0) return null;
  const target = fdLink(fd);
  close(fd);
  return target;
}

/** The extended attributes that belong to an image, and the owner in the note. */
function xattrsOf(fd: number): [Map<string, Uint8Array>, { uid: number; gid: number } | null] {
  const xattrs = readXattrs(fd);
  const note = xattrs.get(NOTE);
  for (const name of [...xattrs.keys()]) if (name === NOTE || DROPPED.test(name)) xattrs.delete(name);
  return [xattrs, note === undefined ? null : readNote(note)];
}
