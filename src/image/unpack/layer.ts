/** Unpacks one layer: makes files below a directory from the entries of its archive (image-spec, layer.md). */
import { BrunError } from "../../errors.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close, O, S } from "../../sys/fs.ts";
import { sizeText } from "../size.ts";
import type { FrameWriter } from "../tar/frame.ts";
import type { TarEntry, TarSink } from "../tar/reader.ts";
import { Directories } from "./directories.ts";
import type { LayerData, Room } from "./layer-data.ts";
import type { Owner } from "./owner.ts";
import { baseOf, joinPath, parentOf, setTimes, Tree } from "./written-tree.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** The prefix of aufs's internal files, which are skipped. */
const AUFS = ".wh..wh.";

/** The maximum number of entries in a layer. */
const ENTRIES_MAX = 10_000_000;
/**
 * The maximum number of names in the layer's other data (layer-data.ts), and of their characters. They are kept
 * in memory.
 */
const LISTED_MAX = 100_000;
const LISTED_LENGTH_MAX = 4 << 20;
/** The minimum size of a directory in bytes on common file systems. */
const DIRECTORY_SIZE = 4096;
/** The maximum length of a path (PATH_MAX), here in UTF-16 units. The kernel checks the bytes. */
const PATH_MAX = 4096;

/**
 * The path of an entry without "." and without slashes at its ends. Throws a BrunError if the path leads out of
 * the root, which only malicious archives do.
 */
export function cleanPath(path: string): string {
  if (path.length > PATH_MAX) throw new BrunError("an entry's path is too long", { code: "ENAMETOOLONG" });
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw new BrunError("an entry leads out of the image: its path has ..", { code: "ERR_ARCHIVE" });
  if (parts.some((part) => part.includes("\0")))
    throw new BrunError("an entry's path has a NUL", { code: "ERR_ARCHIVE" });
  return parts.join("/");
}

/** Writes the entries of a layer. */
export class LayerWriter implements TarSink {
  entries = 0;
  private readonly tree: Tree;
  private readonly whiteouts: string[] = [];
  private readonly opaque: string[] = [];
  private readonly implied = new Set<string>();
  private readonly links: (readonly [string, string])[] = [];
  private readonly xattrs: Record<string, Record<string, string>> = Object.create(null);
  private readonly directories: Directories;
  /** Whether the root has an entry. */
  private described = false;
  private devices = 0;
  private listed = 0;
  private listedLength = 0;
  /** The open file, and its entry. */
  private fd = -1;
  private file: TarEntry | null = null;
  /** The path of the open file. */
  private path = "";
  /** The bytes written so far. */
  written = 0;

  /**
   * @param directory an existing, empty directory
   * @param frame gets the places of files' data, and the data that are in no file
   */
  constructor(
    directory: string,
    private readonly owner: Owner,
    private readonly room: Room,
    private readonly frame: FrameWriter,
  ) {
    this.tree = new Tree(directory, {
      in: (above) => this.directories.enter(above),
      made: (path) => {
        this.grow(DIRECTORY_SIZE);
        this.implied.add(path);
        this.list(path);
      },
    });
    this.directories = new Directories(this.tree, owner);
  }

  /** Whether the files of all entries still exist: no later entry has replaced one. */
  get isWhole(): boolean {
    return !this.tree.removed;
  }

  entry(entry: TarEntry): void {
    this.tree.sweep();
    if (++this.entries > ENTRIES_MAX)
      throw new BrunError(`the layer has more than ${ENTRIES_MAX} entries`, { code: "ERR_ARCHIVE" });
    if (this.entries > this.room.inodes) {
      throw new BrunError(`the layer has more files than the ${this.room.inodes} that there is room for`, {
        code: "ENOSPC",
      });
    }
    const path = cleanPath(entry.path);
    if (path === "") {
      // An entry for the root itself counts only if it is a directory.
      if (entry.type === "dir") this.describe("", entry);
      return;
    }
    const parent = this.tree.directory(parentOf(path));
    const name = baseOf(path);
    const real = joinPath(parent.path, name);
    if (name.startsWith(WHITEOUT)) this.whiteout(parent.path, name);
    else {
      this.directories.enter(parent);
      this.make(entry, parent.fd, name, real);
    }
  }

  private grow(bytes: number): void {
    this.written += bytes;
    if (this.written <= this.room.bytes) return;
    throw new BrunError(`the layer is larger than the ${sizeText(this.room.bytes)} that there is room for`, {
      code: "ENOSPC",
    });
  }

  /** Counts a name that is kept in memory until the end. */
  private list(name: string): void {
    this.listed++;
    this.listedLength += name.length;
    if (this.listed > LISTED_MAX || this.listedLength > LISTED_LENGTH_MAX)
      throw new BrunError("the layer has too many deletions, or files in directories without an entry", {
        code: "ERR_ARCHIVE",
      });
  }

  private describe(path: string, entry: TarEntry): void {
    if (path === "") this.described = true;
    this.directories.describe(path, entry);
    if (path in this.xattrs) delete this.xattrs[path];
    if (entry.xattrs.size === 0) return;
    const values = [...entry.xattrs].map(
      ([name, value]) => [name, Buffer.from(value).toString("base64")] as const,
    );
    for (const [name, value] of values) this.list(`${path}${name}${value}`);
    this.xattrs[path] = Object.fromEntries(values);
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.fd < 0) {
      this.frame.bytes(bytes);
      return;
    }
    this.grow(bytes.length);
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
      this.owner.apply(fd, file!.path, file!, "with its mode");
      setTimes(fd, null, file!.mtime);
    } finally {
      close(fd);
    }
  }

  /** Gives the directories their attributes. Throws a SysError or BrunError. */
  finish(): LayerData {
    this.directories.end();
    this.tree.close();
    const implied = [...this.implied];
    if (!this.described) implied.push("");
    return {
      version: 1,
      whiteouts: this.whiteouts,
      opaque: this.opaque,
      implied,
      links: this.links,
      xattrs: this.xattrs,
      devices: this.devices,
    };
  }

  private whiteout(directory: string, name: string): void {
    if (name === OPAQUE) {
      this.opaque.push(directory);
      this.list(directory);
      return;
    }
    if (name.startsWith(AUFS)) return;
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw new BrunError("a whiteout names no file", { code: "ERR_ARCHIVE" });
    }
    const path = joinPath(directory, hidden);
    this.whiteouts.push(path);
    this.list(path);
  }

  private make(entry: TarEntry, parent: number, name: string, path: string): void {
    const { tree, owner } = this;
    const cname = cstr(name);
    switch (entry.type) {
      case "file":
        this.directories.forget(path);
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
        this.directories.forget(path);
        tree.replacing(parent, name, `make the link ${path}`, () =>
          syscall(NR.symlinkat, cstr(entry.linkPath), parent, cname),
        );
        tree.hasLinks();
        break;
      case "link":
        this.link(entry, parent, name, path);
        return;
      case "fifo":
        this.directories.forget(path);
        tree.replacing(parent, name, `make ${path}`, () =>
          syscall(NR.mknodat, parent, cname, S.IFIFO | (entry.mode & 0o777), 0),
        );
        break;
      default:
        // Only root of the machine can make devices, and a container gets its own.
        this.devices++;
        return;
    }
    owner.applyAt(parent, name, path, entry);
    // chown(2) clears bits of the mode. The name is the FIFO that this process has just made, so it is no link.
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
    } else this.grow(DIRECTORY_SIZE);
    this.implied.delete(path);
    this.describe(path, entry);
  }

  private link(entry: TarEntry, parent: number, name: string, path: string): void {
    const target = cleanPath(entry.linkPath);
    if (target === "") throw new BrunError("a hard link names no file", { code: "ERR_ARCHIVE" });
    const directory = this.tree.directoryIfThere(parentOf(target));
    const from = directory === null ? null : this.tree.look(joinPath(directory.path, baseOf(target)));
    if (directory === null || from === null) {
      // The file is in a lower layer.
      this.directories.forget(path);
      this.tree.remove(parent, name);
      this.links.push([path, target]);
      this.list(path);
      this.list(target);
      return;
    }
    if ((from.mode & S.IFMT) === S.IFDIR)
      throw new BrunError("a hard link leads to a directory", { code: "ERR_ARCHIVE" });
    if (joinPath(directory.path, baseOf(target)) === path) return;
    this.directories.forget(path);
    const source = directory.fd;
    this.tree.replacing(parent, name, `link ${path}`, () =>
      syscall(NR.linkat, source, cstr(baseOf(target)), parent, cstr(name), 0),
    );
  }
}
