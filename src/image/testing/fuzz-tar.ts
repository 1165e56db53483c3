/** Fuzzes the tar reader: makes random archives with few defects, and checks the results. */

import { BrunError } from "../../errors.ts";
import { type TarEntry, TarError, TarReader } from "../tar/reader.ts";
import { cleanPath } from "../unpack/layer.ts";
import type { Random } from "./random.ts";

const BLOCK = 512;
const TYPES = [..."00000000055555111223467SSSS", ..."00000555122S", "\0", "x", "g", "L", "V", "\xff"];
const NAMES = [
  "a",
  "dir/",
  "dir/file",
  "../up",
  "/abs",
  ".wh.a",
  "d/.wh..wh..opq",
  "\u00e9",
  "n".repeat(99),
  "",
  "./",
  "a//b/.",
];
const VALUES = [
  "",
  "0",
  "1",
  "7",
  "-1",
  "511",
  "512",
  "1024",
  "65536",
  "99999999999999999999",
  "1.5",
  "1e9",
  "x",
  "a/b",
  "0,1",
  "0,1,1",
  "5,0",
  "a\0b",
];
const KEYS = [
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "mtime",
  "hdrcharset",
  "SCHILY.xattr.user.a",
  "SCHILY.xattr.security.capability",
  "SCHILY.xattr.user.\u00e9",
  "LIBARCHIVE.xattr.user.%61",
  "GNU.sparse.major",
  "GNU.sparse.minor",
  "GNU.sparse.name",
  "GNU.sparse.realsize",
  "GNU.sparse.size",
  "GNU.sparse.map",
  "GNU.sparse.numblocks",
  "GNU.sparse.offset",
  "GNU.sparse.numbytes",
];
const BAD_KEYS = ["", "SCHILY.xattr.", "LIBARCHIVE.xattr.%", "SCHILY.xattr.a\0b", "="];
const SPARSE_1 = ["22 GNU.sparse.major=1\n", "22 GNU.sparse.minor=0\n"];
const MAGICS = ["ustar\x0000", "ustar  \0", "ustar\x0000", "\0\0\0\0\0\0\0\0", "ustar\0xx"];
/** The maximum size of an archive, about. */
const MOST = 24 * BLOCK;

const sizes = new TextEncoder();

/** Writes archives into one buffer, which is reused, since a fuzz run makes ten million archives. */
class Writer {
  readonly bytes = new Uint8Array(MOST + 64 * BLOCK);
  at = 0;
  /** The offsets of headers. */
  readonly headers: number[] = [];

  begin(): void {
    this.bytes.fill(0, 0, this.at);
    this.at = 0;
    this.headers.length = 0;
  }

  put(offset: number, text: string, most: number): void {
    for (let i = 0; i < text.length && i < most; i++) this.bytes[offset + i] = text.charCodeAt(i);
  }

  /** Writes data after a header in whole blocks. Returns the number of bytes. */
  data(text: string): number {
    const { written } = sizes.encodeInto(text, this.bytes.subarray(this.at));
    this.at += Math.ceil(written / BLOCK) * BLOCK;
    return written;
  }
}

const writer = new Writer();

function octal(random: Random, value: number, width: number): string {
  if (random.one(150)) return random.pick(["", "        ", "9", "7777777", "-1", "\x80", " 7 ", "\0"]);
  return value.toString(8).padStart(width - 1, "0");
}

/** Writes a number in base 256. */
function base256(random: Random, at: number, width: number, value: number): void {
  const { bytes } = writer;
  bytes.fill(0, at, at + width);
  for (let i = width - 1, rest = value; i > 0 && rest > 0; i--, rest = Math.floor(rest / 256))
    bytes[at + i] = rest % 256;
  bytes[at] = random.one(30) ? 0xff : 0x80;
  if (random.one(30)) bytes[at + 1 + random.below(width - 1)] = random.below(256);
}

function header(random: Random, type: string, size: number): void {
  const { at } = writer;
  writer.headers.push(at);
  writer.put(at, random.pick(NAMES), 100);
  writer.put(at + 100, octal(random, random.below(0o10000), 8), 8);
  writer.put(at + 108, octal(random, random.below(3), 8), 8);
  writer.put(at + 116, octal(random, random.below(3), 8), 8);
  writer.put(at + 124, octal(random, size, 12), 12);
  if (random.one(10)) base256(random, at + 124, 12, size);
  if (random.one(10)) base256(random, at + 108, 8, random.below(1 << 24));
  writer.put(at + 136, octal(random, random.below(2 ** 31), 12), 12);
  if (random.one(20)) base256(random, at + 136, 12, random.below(2 ** 40));
  writer.put(at + 156, type, 1);
  if (random.one(3)) writer.put(at + 157, random.pick(NAMES), 100);
  writer.put(at + 257, random.pick(MAGICS), 8);
  if (random.one(10)) writer.put(at + 345, random.pick(NAMES), 155);
  if (type === "S") oldSparse(random, at + 386, 4, size);
  writer.at += BLOCK;
}

/** Writes a sparse map, whose chunks are mostly in order, and in a header the fields after the map. */
function oldSparse(random: Random, at: number, count: number, size: number): void {
  let offset = 0;
  for (let i = 0, left = size; i < count && left > 0; i++) {
    const n = i === count - 1 || random.one(2) ? left : random.below(left + 1);
    offset += random.below(2000);
    writer.put(at + 24 * i, octal(random, offset, 12), 12);
    writer.put(at + 24 * i + 12, octal(random, n, 12), 12);
    offset += n;
    left -= n;
  }
  if (count !== 4) return;
  writer.bytes[at + 96] = random.one(6) ? 1 : 0;
  writer.put(at + 97, octal(random, offset + random.below(100), 12), 12);
}

function record(random: Random): string {
  const key = random.one(100) ? random.pick(BAD_KEYS) : random.pick(KEYS);
  const rest = ` ${key}=${random.pick(VALUES)}\n`;
  const length = rest.length + `${rest.length + 2}`.length;
  return `${random.one(60) ? random.below(400) : length}${rest}`;
}

/** Writes an extra header and its data for the next entry. */
function extra(random: Random): void {
  const type = random.pick(["x", "x", "x", "g", "L", "K"]);
  const { at } = writer;
  writer.at += BLOCK;
  let text = "";
  if (type === "L" || type === "K") text = `${random.pick(NAMES)}${random.one(2) ? "\0" : ""}`;
  else {
    if (random.one(6)) text = SPARSE_1.join("");
    for (let n = random.below(4); n > 0; n--) text += record(random);
  }
  const size = writer.data(text);
  const end = writer.at;
  writer.at = at;
  header(random, type, size);
  writer.at = end;
}

function body(random: Random): number {
  if (random.one(8)) {
    const count = random.below(4);
    let text = `${count}\n`;
    for (let i = 0; i < count; i++) text += `${i * 1000}\n${random.below(3)}\n`;
    return writer.data(text) + random.below(6);
  }
  const size = random.pick([0, 1, 5, 511, 512, 513, 1024]);
  for (let i = 0; i < size; i += 64) writer.bytes[writer.at + i] = random.below(256);
  writer.at += Math.ceil(size / BLOCK) * BLOCK;
  return size;
}

/** Makes an archive. It is valid until the next call. */
function anArchive(random: Random): Uint8Array {
  writer.begin();
  for (let n = 1 + random.below(4); n > 0 && writer.at < MOST; n--) {
    for (let more = random.below(3); more > 0; more--) extra(random);
    const { at } = writer;
    writer.at += BLOCK;
    const type = random.pick(TYPES);
    const size = type === "0" || type === "S" || random.one(8) ? body(random) : 0;
    const end = writer.at;
    writer.at = at;
    header(random, type, size);
    writer.at = end;
  }
  if (!random.one(5)) writer.at += 2 * BLOCK;
  const hurt = random.one(2) ? 0 : 1 + random.below(4);
  for (let i = 0; i < hurt; i++) writer.bytes[random.below(writer.at)] = random.below(256);
  if (random.one(10)) {
    const [from, to] = [random.below(writer.at / BLOCK), random.below(writer.at / BLOCK)];
    writer.bytes.copyWithin(to * BLOCK, from * BLOCK, (from + 1) * BLOCK);
  }
  for (const at of writer.headers) if (!random.one(200)) checksum(at);
  const length = random.one(8) ? random.below(writer.at + 1) : writer.at;
  return writer.bytes.subarray(0, length);
}

function checksum(at: number): void {
  const { bytes } = writer;
  bytes.fill(0x20, at + 148, at + 156);
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += bytes[at + i]!;
  writer.put(at + 148, `${sum.toString(8).padStart(6, "0")}\0 `, 8);
}

function wrong(what: string): never {
  throw new Error(`the reader of archives: ${what}`);
}

const ID_MAX = 2 ** 32 - 2;

/** Checks an entry for impossible values. */
function checkEntry({ path, linkPath, mode, uid, gid, size, xattrs, sparse }: TarEntry): void {
  if (path.includes("\0") || linkPath.includes("\0")) wrong("a NUL in a name");
  if (mode < 0 || mode > 0o7777 || !Number.isInteger(mode)) wrong("a mode that is none");
  for (const id of [uid, gid]) if (!(id >= 0 && id <= ID_MAX)) wrong("an id that is none");
  if (!Number.isSafeInteger(size) || size < 0) wrong("a size that is none");
  for (const name of xattrs.keys())
    if (name === "" || name.includes("\0")) wrong("an attribute without a name");
  let end = 0;
  for (const chunk of sparse ?? []) {
    if (chunk.offset < end || chunk.size < 0 || chunk.offset + chunk.size > size)
      wrong("a sparse map that does not fit");
    end = chunk.offset + chunk.size;
  }
  try {
    const clean = cleanPath(path);
    if (clean.split("/").some((part) => part === ".." || part === "." || (part === "" && clean !== "")))
      wrong("a path leads out");
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
  }
}

/** Reads an archive. The result does not depend on the sizes of the pieces. */
function readAll(archive: Uint8Array, piece: () => number): string {
  const said: string[] = [];
  let entry: TarEntry | null = null;
  let sum = 0;
  const reader = new TarReader({
    entry(one) {
      if (entry !== null) wrong("an entry in an entry");
      entry = one;
      sum = 0;
      checkEntry(one);
      const attributes = [...one.xattrs].map(([name, value]) => [name, value.join()]);
      said.push(JSON.stringify({ ...one, mtime: `${one.mtime}`, xattrs: attributes }));
    },
    data(bytes, offset) {
      if (entry === null) return wrong("bytes of nothing");
      if (offset < 0 || offset + bytes.length > entry.size) wrong("bytes beyond their file");
      for (let i = 0; i < bytes.length; i++) sum = (sum + bytes[i]! * (offset + i + 1)) | 0;
    },
    end() {
      if (entry === null) wrong("an end of nothing");
      said.push(`${sum}`);
      entry = null;
    },
  });
  try {
    // The buffer is reused, as callers do.
    const buffer = new Uint8Array(Math.min(archive.length, PIECE_MAX));
    for (let at = 0; at < archive.length; ) {
      const n = Math.min(piece(), archive.length - at);
      buffer.set(archive.subarray(at, at + n));
      reader.feed(buffer.subarray(0, n));
      at += n;
    }
    reader.finish();
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    said.push(error.message);
  }
  return said.join("\n");
}

const PIECE_MAX = MOST + 64 * BLOCK;

/**
 * Reads a random archive, whole and in pieces, and returns what was read. Throws an Error if the results differ
 * or are wrong.
 */
export function tryArchive(random: Random): string {
  const archive = anArchive(random);
  const whole = readAll(archive, () => PIECE_MAX);
  const most = random.one(50) ? 3 : random.pick([200, 600, 5000]);
  const inPieces = readAll(archive, () => 1 + random.below(most));
  if (whole !== inPieces) wrong(`in pieces it says\n${inPieces}\nand not\n${whole}`);
  return whole;
}
