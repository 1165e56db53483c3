/**
 * Reads a tar archive as it comes, byte by byte where bytes count: every format that GNU tar, bsdtar, Python and Go
 * write, with extended attributes and sparse files. No npm package does (tried: security.capability is corrupted, sparse
 * headers are mistaken, extended attributes dropped).
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

/** What an entry is. A hard link has the type "link". */
export type EntryType = "file" | "link" | "symlink" | "dir" | "fifo" | "char" | "block";

/** One entry. Names are bytes, as src/sys/utf8.ts has them. */
export interface TarEntry {
  readonly type: EntryType;
  readonly path: string;
  readonly linkPath: string;
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the file; with a sparse map the archive has fewer bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Where the bytes that come belong; null when they are the whole file. */
  readonly sparse: readonly SparseChunk[] | null;
}

/** Who takes the entries. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** Bytes of the entry's file, where they belong in it. */
  data(bytes: Uint8Array, offset: number): void;
  /** The entry is complete. */
  end(): void;
}

/** Who wants to know what else is in the archive. */
export interface TarFrame {
  /** Bytes that are no entry's data. */
  bytes(bytes: Uint8Array): void;
}

/** The largest extended header, long name or sparse map, in bytes. */
const EXTRA_MAX = 1 << 20;
/** Records of global headers hold for all that follows: so many, and bytes of theirs, since each entry is read with them. */
const GLOBALS_MAX = 256;
const GLOBAL_BYTES_MAX = 65536;
/** The largest id; the next one means "none" to chown(2). */
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

/** What the next bytes are. */
type State = "header" | "extra" | "sparse block" | "sparse map" | "data" | "padding" | "end";

/** Takes an archive in pieces of any size. */
export class TarReader {
  private state: State = "header";
  /** Bytes of a header or of extra data that have come in pieces; `have` of those that are `wanted`, padding's too. */
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
  /** Bytes of the entry in the archive that are still to come, and the padding behind them. */
  private left = 0;
  private padding = 0;
  private chunk = 0;
  private inChunk = 0;
  /** The sparse map of format 1.0 that is coming. */
  private map = new SparseMap();

  constructor(
    private readonly sink: TarSink,
    private readonly frame: TarFrame | null = null,
  ) {}

  /** The path of the entry that is being read, for messages; null between two. */
  get current(): string | null {
    return this.entry?.path ?? null;
  }

  /** Takes the next bytes. Throws a TarError, and what the sink throws. */
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

  /** Some or all of the bytes that are wanted. */
  private take(bytes: Uint8Array): void {
    const whole = bytes.length === this.wanted;
    if (!whole && this.state !== "padding") {
      // The bytes are the caller's, which may fill its buffer anew.
      this.pieces ??= new Uint8Array(this.wanted);
      this.pieces.set(bytes, this.have);
    }
    this.have += bytes.length;
    if (this.have === this.wanted) this.complete(whole ? bytes : this.pieces);
  }

  /** The data of the entry that has just been told, and its padding, do not come: whoever feeds has passed over them. */
  skip(): void {
    this.left = 0;
    this.padding = 0;
    this.done();
  }

  /** The archive has ended. Throws a TarError when it has been cut off. */
  finish(): void {
    // Some writers leave out the two blocks of zeros.
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

  /** @param block null for padding, which nobody looks at */
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
      // What follows the first block of zeros is nobody's.
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

  /** All that belongs to an entry but its data has come. */
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
      // Before there was a type for them directories were files with a slash at their end.
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
      // Only files have data, for GNU tar, Go and Python; what the field says otherwise is a hint (a directory's), or the
      // size of what a hard link leads to.
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

  /** A map of format 1.0 stands before the data, decimal numbers a line, in whole blocks. */
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

/** Sparse format 1.0, whose map is in the data. */
function isMapped(records: PaxRecords): boolean {
  return paxText(records, "GNU.sparse.major") === "1" && paxText(records, "GNU.sparse.minor") === "0";
}

const SCHILY = "SCHILY.xattr.";
const LIBARCHIVE = "LIBARCHIVE.xattr.";

/** star's keys, whose values are bytes, and libarchive's, in base64. Throws a TarError. */
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
