/** One layer: entries of its archive become files below a directory (image-spec, layer.md). */
import { BrunError } from "../../errors.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close, O, S } from "../../sys/fs.ts";
import type { FrameWriter } from "../tar/frame.ts";
import type { TarEntry, TarSink } from "../tar/reader.ts";
import type { LayerData } from "./layer-data.ts";
import type { Owner } from "./owner.ts";
import { type Attributes, baseOf, joinPath, parentOf, setTimes, Tree } from "./tree.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** aufs's own files, which mean nothing here. */
const AUFS = ".wh..wh.";

/** The most entries that a layer may have. */
const ENTRIES_MAX = 10_000_000;
/** Longest path, in bytes (PATH_MAX). */
const PATH_MAX = 4096;

/**
 * The path of an entry without "." and slashes at its ends. Throws a BrunError where it leads out of the root: nobody
 * writes such an archive but to harm.
 */
export function cleanPath(path: string): string {
  if (path.length > PATH_MAX) throw new BrunError("an entry's path is too long", { code: "ENAMETOOLONG" });
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw new BrunError("an entry leads out of the image: its path has ..", { code: "ERR_CONFIG" });
  if (parts.some((part) => part.includes("\0")))
    throw new BrunError("an entry's path has a NUL", { code: "ERR_CONFIG" });
  return parts.join("/");
}

/** Writes entries. */
export class LayerWriter implements TarSink {
  entries = 0;
  private readonly tree: Tree;
  private readonly whiteouts: string[] = [];
  private readonly opaque: string[] = [];
  private readonly implied = new Set<string>();
  private readonly links: (readonly [string, string])[] = [];
  /** Directories get their attributes last: what is written below would change their times, and may not be allowed. */
  private readonly directories = new Map<string, Attributes>();
  private devices = 0;
  /** The file that is being written, and the entry it is from. */
  private fd = -1;
  private file: TarEntry | null = null;
  /** Where it is. */
  private path = "";
  private written = 0;

  /**
   * @param directory is there and empty
   * @param room bytes that may be written
   * @param frame is told where the data of files are, and what data is in none
   */
  constructor(
    directory: string,
    private readonly owner: Owner,
    private readonly room: number,
    private readonly frame: FrameWriter,
  ) {
    this.tree = new Tree(directory, (path) => this.implied.add(path));
  }

  /** Whether every entry's file is still there: none was replaced by a later entry. */
  get isWhole(): boolean {
    return !this.tree.removed;
  }

  entry(entry: TarEntry): void {
    this.tree.sweep();
    if (++this.entries > ENTRIES_MAX) throw new BrunError(`a layer has more than ${ENTRIES_MAX} entries`);
    const path = cleanPath(entry.path);
    if (path === "") {
      // The root itself: its attributes count when it is a directory.
      if (entry.type === "dir") this.directories.set("", entry);
      return;
    }
    const parent = this.tree.directory(parentOf(path));
    const name = baseOf(path);
    const real = joinPath(parent.path, name);
    if (name.startsWith(WHITEOUT)) this.whiteout(parent.path, name);
    else this.make(entry, parent.fd, name, real);
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.fd < 0) {
      this.frame.bytes(bytes);
      return;
    }
    this.written += bytes.length;
    if (this.written > this.room) {
      throw new BrunError("the layer is larger than the space that is free for it", { code: "ENOSPC" });
    }
    let rest = bytes;
    let at = offset;
    const sparse = this.file!.sparse !== null;
    while (rest.length > 0) {
      const n = check(
        sparse
          ? syscall(NR.pwrite64, this.fd, rest, rest.length, at)
          : syscall(NR.write, this.fd, rest, rest.length),
        `write ${this.file!.path}`,
      );
      rest = rest.subarray(n);
      at += n;
    }
  }

  end(): void {
    if (this.fd < 0) return;
    const { fd, file } = this;
    const { size, sparse } = file!;
    if (size > 0) this.frame.file(this.path, sparse ?? [{ offset: 0, size }]);
    this.fd = -1;
    this.file = null;
    try {
      if (file!.sparse !== null) check(syscall(NR.ftruncate, fd, file!.size), `write ${file!.path}`);
      this.owner.apply(fd, file!.path, file!, true);
      setTimes(fd, null, file!.mtime);
    } finally {
      close(fd);
    }
  }

  /** Gives the directories their attributes. Throws a SysError or BrunError. */
  finish(): LayerData {
    const xattrs: Record<string, Record<string, string>> = Object.create(null);
    // The deepest first.
    const paths = [...this.directories.keys()].sort((a, b) => (a < b ? 1 : -1));
    for (const path of paths) {
      const attributes = this.directories.get(path)!;
      const fd = this.tree.openDirectory(path);
      try {
        this.owner.apply(fd, path || "/", attributes, false);
        setTimes(fd, null, attributes.mtime);
      } finally {
        close(fd);
      }
      if (attributes.xattrs.size > 0) {
        xattrs[path] = Object.fromEntries(
          [...attributes.xattrs].map(([name, value]) => [name, Buffer.from(value).toString("base64")]),
        );
      }
    }
    this.tree.close();
    const implied = [...this.implied];
    if (!this.directories.has("")) implied.push("");
    return {
      version: 1,
      whiteouts: this.whiteouts,
      opaque: this.opaque,
      implied,
      links: this.links,
      xattrs,
      devices: this.devices,
    };
  }

  private whiteout(directory: string, name: string): void {
    if (name === OPAQUE) {
      this.opaque.push(directory);
      return;
    }
    if (name.startsWith(AUFS)) return;
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw new BrunError("a whiteout names no file", { code: "ERR_CONFIG" });
    }
    this.whiteouts.push(joinPath(directory, hidden));
  }

  private make(entry: TarEntry, parent: number, name: string, path: string): void {
    const { tree, owner } = this;
    const cname = cstr(name);
    switch (entry.type) {
      case "file":
        this.replaced(path);
        this.fd = tree.replacing(parent, name, `make ${path}`, () =>
          syscall(
            NR.openat,
            parent,
            cname,
            O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC,
            entry.mode & 0o777,
          ),
        );
        this.file = entry;
        this.path = path;
        return;
      case "dir":
        this.makeDirectory(entry, parent, name, path);
        return;
      case "symlink":
        this.replaced(path);
        tree.replacing(parent, name, `make the link ${path}`, () =>
          syscall(NR.symlinkat, cstr(entry.linkPath), parent, cname),
        );
        tree.hasLinks();
        break;
      case "link":
        this.link(entry, parent, name, path);
        return;
      case "fifo":
        this.replaced(path);
        tree.replacing(parent, name, `make ${path}`, () =>
          syscall(NR.mknodat, parent, cname, S.IFIFO | (entry.mode & 0o777), 0),
        );
        break;
      default:
        // Nobody but root of the machine may make a device, and a container gets its own.
        this.devices++;
        return;
    }
    owner.applyAt(parent, name, path, entry);
    // chown(2) takes bits away; it is the FIFO that has just been made.
    if (entry.type === "fifo")
      check(syscall(NR.fchmodat, parent, cname, entry.mode), `change the mode of ${path}`);
    setTimes(parent, name, entry.mtime);
  }

  private makeDirectory(entry: TarEntry, parent: number, name: string, path: string): void {
    const result = syscall(NR.mkdirat, parent, cstr(name), 0o700);
    if (result !== 0) {
      const there = this.tree.look(path);
      if (there === null || (there.mode & S.IFMT) !== S.IFDIR) {
        this.tree.replacing(parent, name, `make the directory ${path}`, () =>
          syscall(NR.mkdirat, parent, cstr(name), 0o700),
        );
      }
    }
    this.implied.delete(path);
    this.directories.set(path, entry);
  }

  private link(entry: TarEntry, parent: number, name: string, path: string): void {
    const target = cleanPath(entry.linkPath);
    if (target === "") throw new BrunError("a hard link names no file", { code: "ERR_CONFIG" });
    const directory = this.tree.directoryIfThere(parentOf(target));
    const from = directory === null ? null : this.tree.look(joinPath(directory.path, baseOf(target)));
    if (directory === null || from === null) {
      // The file is one of a lower layer.
      this.tree.remove(parent, name);
      this.links.push([path, target]);
      return;
    }
    if ((from.mode & S.IFMT) === S.IFDIR)
      throw new BrunError("a hard link leads to a directory", { code: "ERR_CONFIG" });
    if (joinPath(directory.path, baseOf(target)) === path) return;
    this.replaced(path);
    const source = directory.fd;
    this.tree.replacing(parent, name, `link ${path}`, () =>
      syscall(NR.linkat, source, cstr(baseOf(target)), parent, cstr(name), 0),
    );
  }

  /** Something that is no directory takes the place of what was there. */
  private replaced(path: string): void {
    if (!this.directories.has(path) && !this.implied.has(path)) return;
    for (const known of [...this.directories.keys()])
      if (isAtOrBelow(known, path)) this.directories.delete(known);
    for (const known of [...this.implied]) if (isAtOrBelow(known, path)) this.implied.delete(known);
  }
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
