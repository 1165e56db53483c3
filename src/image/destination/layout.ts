/** Writes an image to files: `oci:DIR[:TAG]` (image-spec, image-layout.md) and `oci-archive:FILE[:TAG]`. */
import { BrunError } from "../../errors.ts";
import { parseJson } from "../../spec/json.ts";
import { LOCK } from "../../sys/constants.ts";
import { check, SysError } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import {
  AT_FDCWD,
  close,
  exists,
  fstat,
  mkdirAll,
  O,
  open,
  readdir,
  readTextIfThere,
  replaceFile,
  rmdir,
  tryStat,
  unlink,
  writeFd,
} from "../../sys/fs.ts";
import { utf8 } from "../../sys/utf8.ts";
import { digestOf } from "../digest.ts";
import { type FileName, nameText } from "../image-name.ts";
import { type Descriptor, MEDIA, parseManifest } from "../manifest.ts";
import { blobPath, REF_NAME } from "../source/layout.ts";
import { archiveEnd, entryHeaders, filling } from "../tar/writer.ts";
import { removeAt } from "../unpack/written-tree.ts";
import type { Destination } from "./destination.ts";

const VERSION = '{"imageLayoutVersion": "1.0.0"}';
const MODE = 0o644;
const CHUNK = 1 << 20;

interface Index {
  readonly schemaVersion: 2;
  readonly manifests: readonly {
    readonly digest?: unknown;
    readonly annotations?: Record<string, unknown>;
  }[];
}

/** A layout, which may contain other images. */
export class LayoutDestination implements Destination {
  private readonly where: string;
  /** What was not there before, the deepest first. */
  private readonly made: readonly string[];
  /** The directory of blobs, locked by everybody who writes there. */
  private blobs = -1;

  /** Throws a BrunError if the directory has other files. */
  constructor(
    private readonly name: FileName,
    private readonly directory = name.path,
  ) {
    this.where = nameText(name);
    const parts = [`${directory}/blobs`, `${directory}/oci-layout`];
    this.made = [...parts.filter((path) => !exists(path)), ...missingDirectories(directory)];
    try {
      mkdirAll(`${directory}/blobs/sha256`, 0o755);
      this.blobs = open(`${directory}/blobs`, O.RDONLY | O.DIRECTORY);
      check(syscall(NR.flock, this.blobs, LOCK.SH), `lock ${directory}/blobs`);
      if (!exists(`${directory}/oci-layout`)) {
        if (readdir(directory).length > 1) {
          throw new BrunError(`${this.where} has other files, and is no OCI layout`, {
            code: "ERR_EXISTS",
            where: this.where,
            hint: "name a directory that does not exist",
          });
        }
        replaceFile(`${directory}/oci-layout`, VERSION, MODE);
      }
    } catch (error) {
      this.close();
      if (!(error instanceof SysError)) throw error;
      throw new BrunError(error.message, { code: error.code, where: this.where, cause: error });
    }
  }

  async has({ digest, size }: Descriptor): Promise<boolean> {
    const stat = tryStat(`${this.directory}/${blobPath(digest)}`);
    return typeof stat !== "number" && stat.size === size;
  }

  async put({ digest, size }: Descriptor, fd: number, progress: (bytes: number) => void): Promise<void> {
    const path = `${this.directory}/${blobPath(digest)}`;
    mkdirAll(path.slice(0, path.lastIndexOf("/")), 0o755);
    replaceBy(path, (to) => copy(fd, to, size, progress));
  }

  async manifest(bytes: Uint8Array, mediaType: string): Promise<void> {
    const digest = digestOf(bytes);
    replaceFile(`${this.directory}/${blobPath(digest)}`, bytes, MODE);
    const { tag } = this.name;
    const entry = {
      mediaType,
      digest,
      size: bytes.length,
      ...(tag !== undefined && { annotations: { [REF_NAME]: tag } }),
    };
    const lock = open(this.directory, O.RDONLY | O.DIRECTORY);
    try {
      check(syscall(NR.flock, lock, LOCK.EX), `lock ${this.directory}`);
      const index = this.index();
      // A name belongs to one image. An image without a name is listed once.
      const others = index.manifests.filter(({ digest: other, annotations }) => {
        const name = annotations?.[REF_NAME];
        return tag === undefined ? name !== undefined || other !== digest : name !== tag;
      });
      const text = JSON.stringify({ ...index, manifests: [...others, entry] });
      replaceFile(`${this.directory}/index.json`, text, MODE);
    } finally {
      close(lock);
    }
  }

  /** Removes what was made for a layout that has got no image, unless another process writes there. */
  close(): void {
    const { blobs } = this;
    if (!exists(`${this.directory}/index.json`)) this.undo();
    if (blobs >= 0) close(blobs);
    this.blobs = -1;
  }

  private undo(): void {
    const { blobs, directory, made } = this;
    const isLocked = blobs >= 0 && syscall(NR.flock, blobs, LOCK.EX | LOCK.NB) === 0;
    if (isLocked && made.includes(`${directory}/blobs`)) removeAt(AT_FDCWD, `${directory}/blobs`);
    if (blobs < 0) rmdir(`${directory}/blobs/sha256`);
    if (blobs >= 0 && !isLocked) return;
    // Without the lock there are only directories, which go if they are empty.
    for (const path of made) if (!isLocked || unlink(path) !== 0) rmdir(path);
  }

  private index(): Index {
    const path = `${this.directory}/index.json`;
    const text = readTextIfThere(path);
    if (text === null) return { schemaVersion: 2, mediaType: MEDIA.index, manifests: [] } as Index;
    const where = `${this.where}: index.json`;
    if (parseManifest(utf8(text), "", where).kind !== "index")
      throw new BrunError("index.json is no index", { code: "ERR_ARCHIVE", where: this.where });
    return parseJson(text, where) as Index;
  }
}

/** An archive of a layout with one image. */
export class ArchiveDestination implements Destination {
  private readonly layout: LayoutDestination;

  /**
   * @param directory a new directory for the layout
   * Throws a BrunError.
   */
  constructor(
    private readonly name: FileName,
    private readonly directory: string,
  ) {
    if (exists(name.path)) {
      throw new BrunError(`${nameText(name)} is there already`, {
        code: "ERR_EXISTS",
        where: nameText(name),
        hint: "remove it, or name another file",
      });
    }
    this.layout = new LayoutDestination(name, directory);
  }

  has(blob: Descriptor): Promise<boolean> {
    return this.layout.has(blob);
  }

  put(blob: Descriptor, fd: number, progress: (bytes: number) => void): Promise<void> {
    return this.layout.put(blob, fd, progress);
  }

  async manifest(bytes: Uint8Array, mediaType: string): Promise<void> {
    await this.layout.manifest(bytes, mediaType);
    const blobs = readdir(`${this.directory}/blobs/sha256`).sort();
    replaceBy(this.name.path, (to) => {
      for (const path of ["oci-layout", "index.json", ...blobs.map((hex) => `blobs/sha256/${hex}`)])
        putFile(to, `${this.directory}/${path}`, path);
      writeFd(to, archiveEnd(), this.name.path);
    });
  }

  close(): void {
    this.layout.close();
    removeAt(AT_FDCWD, this.directory);
  }
}

/** Those of a path's directories that are not there, the deepest first. */
function missingDirectories(path: string): string[] {
  const parent = path.replace(/\/+[^/]+\/*$/, "");
  if (path === "" || exists(path)) return [];
  return parent === path ? [path] : [path, ...missingDirectories(parent)];
}

/**
 * As replaceFile(), for a file that is written piece by piece. Several processes may write the same blob at a
 * time.
 */
function replaceBy(path: string, write: (fd: number) => void): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const fd = open(temporary, O.WRONLY | O.CREAT | O.TRUNC | O.NOFOLLOW, MODE);
  try {
    write(fd);
    check(syscall(NR.renameat2, AT_FDCWD, cstr(temporary), AT_FDCWD, cstr(path), 0), `make ${path}`);
  } catch (error) {
    unlink(temporary);
    throw error;
  } finally {
    close(fd);
  }
}

function putFile(to: number, file: string, path: string): void {
  const fd = open(file, O.RDONLY);
  try {
    const { size } = fstat(fd);
    const entry = { type: "file", path, linkPath: "", mode: MODE, uid: 0, gid: 0, size } as const;
    writeFd(to, entryHeaders({ ...entry, mtime: 0n, xattrs: new Map(), sparse: null }), path);
    copy(fd, to, size, () => {});
    writeFd(to, filling(size), path);
  } finally {
    close(fd);
  }
}

/** Copies the first `size` bytes. Throws a SysError, or a BrunError if the file is shorter. */
function copy(from: number, to: number, size: number, progress: (bytes: number) => void): void {
  const buffer = new Uint8Array(Math.min(CHUNK, size));
  for (let at = 0; at < size; ) {
    const n = check(syscall(NR.pread64, from, buffer, Math.min(buffer.length, size - at), at), "read a blob");
    if (n === 0) throw new BrunError("a blob has been cut off", { code: "ERR_DIGEST" });
    writeFd(to, buffer.subarray(0, n), "a blob");
    at += n;
    progress(at);
  }
}
