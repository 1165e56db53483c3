/**
 * Reads a tar archive as a stream, in all formats that GNU tar, bsdtar, Python and Go write, with extended
 * attributes and sparse files. No npm package does: those that were tried corrupt security.capability, misread
 * sparse headers, or drop extended attributes.
 */
import { fromUtf8 } from "../../sys/utf8.ts";
import {
  BLOCK,
  type Header,
  isZero,
  readHeader,
  readSparseBlock,
  type SparseChunk,
  TarError,
} from "./header.ts";
import { type PaxRecords, paxNumber, paxText, paxTime, readPax } from "./pax.ts";
import { checkSparse, SparseMap, sparsePairs } from "./sparse.ts";

export { TarError };

/** The type of an entry. A hard link has the type "link". */
export type EntryType = "file" | "link" | "symlink" | "dir" | "fifo" | "char" | "block";

/** One entry. Names are encoded as in src/sys/utf8.ts, which keeps invalid bytes. */
export interface TarEntry {
  readonly type: EntryType;
  readonly path: string;
  readonly linkPath: string;
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The size of the file. If it is sparse, the archive has fewer bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** The ranges of the file to which the data belong; null if the data are the whole file. */
  readonly sparse: readonly SparseChunk[] | null;
}

/** Receives the entries. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** Bytes of the entry's file, and their offset in it. */
  data(bytes: Uint8Array, offset: number): void;
  /** The entry is complete. */
  end(): void;
}

/** Receives the rest of the archive. */
export interface TarFrame {
  /** Bytes that are not data of a file. */
  bytes(bytes: Uint8Array): void;
}

/** The largest extended header, long name or sparse map, in bytes. */
const EXTRA_MAX = 1 << 20;
/**
 * The maximum number of records in global headers, and of their bytes. Every later entry is read with these
 * records.
 */
const GLOBALS_MAX = 256;
const GLOBAL_BYTES_MAX = 65536;
/** The largest id. The next number means "none" to chown(2). */
const ID_MAX = 0xffff_fffe;

const TYPES: Readonly<Record<string, EntryType>> = {
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "dir",
  "6": "fifo",
};

/** The kind of the next bytes. */
type State = "header" | "extra" | "sparse block" | "sparse map" | "data" | "padding" | "end";

/** Reads an archive from pieces of any size. */
export class TarReader {
  private state: State = "header";
  /**
   * The collected bytes of a header or of extra data that arrive in pieces. `have` of `wanted` bytes have
   * arrived; both also count padding.
   */
  private pieces: Uint8Array | null = null;
  private have = 0;
  private wanted = BLOCK;
  private header: Header | null = null;
  private entry: TarEntry | null = null;
  private oldChunks: SparseChunk[] = [];
  private longName: string | undefined;
  private longLink: string | undefined;
  private records: PaxRecords = new Map();
  private readonly globals: PaxRecords = new Map();
  /** The number of bytes of the entry's data that are still to come, and of the padding after them. */
  private left = 0;
  private padding = 0;
  private chunk = 0;
  private inChunk = 0;
  /** The sparse map of format 1.0 that is being read. */
  private map = new SparseMap();

  constructor(
    private readonly sink: TarSink,
    private readonly frame: TarFrame | null = null,
  ) {}

  /** The path of the current entry, for messages; null between two entries. */
  get current(): string | null {
    return this.entry?.path ?? null;
  }

  /** Reads the next bytes. Throws a TarError, and errors of the sink. */
  feed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.state !== "end") {
      if (this.state === "data") {
        const n = Math.min(this.left, bytes.length - at);
        this.takeData(bytes.subarray(at, at + n));
        at += n;
        continue;
      }
      const n = Math.min(this.wanted - this.have, bytes.length - at);
      const part = bytes.subarray(at, at + n);
      this.frame?.bytes(part);
      this.take(part);
      at += n;
    }
    if (at < bytes.length) this.frame?.bytes(bytes.subarray(at));
  }

  /** Takes some or all of the wanted bytes. */
  private take(bytes: Uint8Array): void {
    const whole = bytes.length === this.wanted;
    if (!whole && this.state !== "padding") {
      // The caller may reuse its buffer.
      this.pieces ??= new Uint8Array(this.wanted);
      this.pieces.set(bytes, this.have);
    }
    this.have += bytes.length;
    if (this.have === this.wanted) this.complete(whole ? bytes : this.pieces);
  }

  /** Skips the data and the padding of the entry that has just been reported. The caller does not feed them. */
  skip(): void {
    this.left = 0;
    this.padding = 0;
    this.done();
  }

  /** Ends the archive. Throws a TarError if it has been cut off. */
  finish(): void {
    // Some writers omit the two blocks of zeros.
    if (this.state === "end" || (this.state === "header" && this.have === 0 && !this.expectsEntry())) return;
    throw new TarError("the archive has been cut off");
  }

  private expectsEntry(): boolean {
    return this.longName !== undefined || this.longLink !== undefined || this.records.size > 0;
  }

  private await(state: State, wanted: number): void {
    this.state = state;
    this.pieces = null;
    this.have = 0;
    this.wanted = wanted;
  }

  /** @param block null for padding, which is not read */
  private complete(block: Uint8Array | null): void {
    const { state } = this;
    if (block === null || state === "padding") this.await("header", BLOCK);
    else if (state === "header") this.takeHeader(block);
    else if (state === "extra") this.takeExtra(block);
    else if (state === "sparse block") this.takeSparseBlock(block);
    else if (state === "sparse map") this.takeSparseMap(block);
  }

  private takeHeader(block: Uint8Array): void {
    if (isZero(block)) {
      // Data after the first block of zeros are ignored.
      this.state = "end";
      return;
    }
    const header = readHeader(block);
    this.header = header;
    if ("xgLK".includes(header.type)) {
      if (header.size > EXTRA_MAX) throw new TarError(`an extended header has ${header.size} bytes`);
      if (header.size === 0) this.takeExtra(new Uint8Array(0));
      else this.await("extra", roundUp(header.size));
      return;
    }
    this.oldChunks = [...(header.sparse?.chunks ?? [])];
    if (header.sparse?.extended) this.await("sparse block", BLOCK);
    else this.begin();
  }

  private takeExtra(block: Uint8Array): void {
    const { type, size } = this.header!;
    const data = block.subarray(0, size);
    if (type === "x") this.records = readPax(data);
    else if (type === "g") this.takeGlobals(data);
    else {
      const end = data.indexOf(0);
      const name = fromUtf8(end < 0 ? data : data.subarray(0, end));
      if (type === "L") this.longName = name;
      else this.longLink = name;
    }
    this.await("header", BLOCK);
  }

  private takeGlobals(data: Uint8Array): void {
    for (const [key, value] of readPax(data)) this.globals.set(key, value);
    let bytes = 0;
    for (const [key, value] of this.globals) bytes += key.length + value.length;
    if (this.globals.size > GLOBALS_MAX || bytes > GLOBAL_BYTES_MAX)
      throw new TarError("global headers have too many records");
  }

  private takeSparseBlock(block: Uint8Array): void {
    const { chunks, extended } = readSparseBlock(block);
    this.oldChunks.push(...chunks);
    if (this.oldChunks.length * 24 > EXTRA_MAX) throw new TarError("a sparse map is too long");
    if (extended) this.await("sparse block", BLOCK);
    else this.begin();
  }

  /** Begins an entry. Its headers are complete. */
  private begin(): void {
    const header = this.header!;
    const records = this.allRecords();
    const archived = paxNumber(records, "size") ?? header.size;
    const type = TYPES[header.type];
    this.left = archived;
    this.padding = roundUp(archived) - archived;
    this.records = new Map();
    const [longName, longLink] = [this.longName, this.longLink];
    this.longName = this.longLink = undefined;
    if (type === undefined) throw new TarError(`an entry has the unknown type "${header.type}"`);
    const sparse = this.sparseOf(records, header);
    const path = paxText(records, "GNU.sparse.name") ?? paxText(records, "path") ?? longName ?? header.name;
    const hasData = type === "file";
    this.entry = {
      // Directories of the old format are files whose name ends with a slash.
      type: type === "file" && path.endsWith("/") ? "dir" : type,
      path,
      linkPath: paxText(records, "linkpath") ?? longLink ?? header.linkName,
      mode: header.mode & 0o7777,
      uid: checkId(paxNumber(records, "uid") ?? header.uid, "uid"),
      gid: checkId(paxNumber(records, "gid") ?? header.gid, "gid"),
      size: sparse === null ? archived : (this.realSize(records) ?? archived),
      mtime: paxTime(records, "mtime") ?? BigInt(header.mtime) * 1_000_000_000n,
      xattrs: xattrsOf(records),
      sparse,
    };
    if (!hasData) {
      // As in GNU tar, Go and Python only files have data. In other entries the field is a hint (for a
      // directory), or the size of a hard link's target.
      this.left = 0;
      this.padding = 0;
    }
    this.chunk = this.inChunk = 0;
    if (hasData && isMapped(records)) {
      this.map = new SparseMap();
      this.await("sparse map", BLOCK);
    } else this.start();
  }

  private allRecords(): PaxRecords {
    if (this.globals.size === 0) return this.records;
    return new Map([...this.globals, ...this.records]);
  }

  private realSize(records: PaxRecords): number | undefined {
    return (
      paxNumber(records, "GNU.sparse.realsize") ??
      paxNumber(records, "GNU.sparse.size") ??
      this.header!.sparse?.realSize
    );
  }

  private sparseOf(records: PaxRecords, header: Header): SparseChunk[] | null {
    if (header.sparse !== null) return this.oldChunks;
    if (isMapped(records)) return [];
    const map = paxText(records, "GNU.sparse.map");
    if (map !== undefined) return sparsePairs(map.split(","));
    const offsets = paxText(records, "GNU.sparse.offset")?.split(",");
    const sizes = paxText(records, "GNU.sparse.numbytes")?.split(",");
    if (offsets === undefined && paxText(records, "GNU.sparse.numblocks") === undefined) return null;
    if (offsets?.length !== sizes?.length) throw new TarError("a sparse map has an odd number of entries");
    return sparsePairs((offsets ?? []).flatMap((offset, i) => [offset, sizes![i]!]));
  }

  /**
   * Reads a block of a sparse map of format 1.0. The map precedes the data in whole blocks, as decimal numbers,
   * one a line.
   */
  private takeSparseMap(block: Uint8Array): void {
    if (this.left < BLOCK) throw new TarError("a sparse map is longer than its file");
    this.left -= BLOCK;
    const chunks = this.map.take(block);
    if (chunks === null) {
      this.await("sparse map", BLOCK);
      return;
    }
    this.entry = { ...this.entry!, sparse: chunks };
    this.start();
  }

  private start(): void {
    const entry = this.entry!;
    if (entry.sparse !== null) checkSparse(entry.sparse, entry.size, this.left);
    this.sink.entry(entry);
    if (this.left === 0) this.done();
    else this.state = "data";
  }

  private takeData(bytes: Uint8Array): void {
    const { sparse, size } = this.entry!;
    this.left -= bytes.length;
    if (sparse === null) {
      this.sink.data(bytes, size - this.left - bytes.length);
    } else {
      for (let at = 0; at < bytes.length; ) {
        const chunk = sparse[this.chunk]!;
        const n = Math.min(chunk.size - this.inChunk, bytes.length - at);
        if (n > 0) this.sink.data(bytes.subarray(at, at + n), chunk.offset + this.inChunk);
        at += n;
        this.inChunk += n;
        if (this.inChunk === chunk.size) {
          this.chunk++;
          this.inChunk = 0;
        }
      }
    }
    if (this.left === 0) this.done();
  }

  private done(): void {
    this.sink.end();
    this.entry = null;
    if (this.padding > 0) this.await("padding", this.padding);
    else this.await("header", BLOCK);
  }
}

function checkId(id: number, what: string): number {
  if (id < 0 || id > ID_MAX) throw new TarError(`${what} ${id} is no id`);
  return id;
}

function roundUp(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** Whether an entry has the sparse format 1.0, whose map is in the data. */
function isMapped(records: PaxRecords): boolean {
  return paxText(records, "GNU.sparse.major") === "1" && paxText(records, "GNU.sparse.minor") === "0";
}

const SCHILY = "SCHILY.xattr.";
const LIBARCHIVE = "LIBARCHIVE.xattr.";

/**
 * Extended attributes from star's keys, whose values are bytes, and from libarchive's, whose values are base64.
 * Throws a TarError.
 */
function xattrsOf(records: PaxRecords): ReadonlyMap<string, Uint8Array> {
  let xattrs: Map<string, Uint8Array> | null = null;
  for (const [key, value] of records) {
    const schily = key.startsWith(SCHILY);
    if (!schily && !key.startsWith(LIBARCHIVE)) continue;
    xattrs ??= new Map();
    const name = schily ? key.slice(SCHILY.length) : decoded(key.slice(LIBARCHIVE.length));
    if (name === "" || name.includes("\0")) throw new TarError("an extended attribute has no name");
    if (schily) xattrs.set(name, value);
    else if (!xattrs.has(name)) xattrs.set(name, new Uint8Array(Buffer.from(fromUtf8(value), "base64")));
  }
  return xattrs ?? NO_XATTRS;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new TarError("the name of an extended attribute is damaged");
  }
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();
