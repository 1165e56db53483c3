/** The header blocks of tar archives: ustar, GNU and the old format (tar(5), GNU tar's manual). */
import { fromUtf8 } from "../../sys/utf8.ts";

export const BLOCK = 512;

/** The fields of a block. Names are encoded as in src/sys/utf8.ts, which keeps invalid bytes. */
export interface Header {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  /** A character such as "0", "5", "x". */
  readonly type: string;
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  /** The map of GNU's old sparse format (type "S"), otherwise null. */
  readonly sparse: OldSparse | null;
}

/** The sparse map in a header of GNU's old format. */
export interface OldSparse {
  readonly chunks: readonly SparseChunk[];
  /** Blocks with more of the map follow. */
  readonly extended: boolean;
  readonly realSize: number;
}

/** A range of a sparse file that has data. */
export interface SparseChunk {
  readonly offset: number;
  readonly size: number;
}

/** A defect of an archive. */
export class TarError extends Error {
  override readonly name = "TarError";
}

/** Whether a block is all zeros. Two such blocks end an archive. */
export function isZero(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** Parses a header block. Throws a TarError. */
export function readHeader(block: Uint8Array): Header {
  checkSum(block);
  const magic = fromUtf8(block.subarray(257, 265));
  const gnu = magic === "ustar  \0";
  const ustar = magic.startsWith("ustar\0");
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156]!);
  // GNU has other fields in the place of ustar's prefix.
  const prefix = ustar ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8, "mode"),
    uid: number(block, 108, 8, "uid"),
    gid: number(block, 116, 8, "gid"),
    size: size(block, 124, "size"),
    mtime: number(block, 136, 12, "mtime"),
    type,
    linkName: text(block, 157, 100),
    major: ustar || gnu ? number(block, 329, 8, "devmajor") : 0,
    minor: ustar || gnu ? number(block, 337, 8, "devminor") : 0,
    sparse: type === "S" ? oldSparse(block) : null,
  };
}

function oldSparse(block: Uint8Array): OldSparse {
  return {
    chunks: sparseChunks(block, 386, 4),
    extended: block[482] !== 0,
    realSize: size(block, 483, "realsize"),
  };
}

/** Parses a block that continues an old sparse map. */
export function readSparseBlock(block: Uint8Array): Pick<OldSparse, "chunks" | "extended"> {
  return { chunks: sparseChunks(block, 0, 21), extended: block[504] !== 0 };
}

function sparseChunks(block: Uint8Array, at: number, most: number): SparseChunk[] {
  const chunks: SparseChunk[] = [];
  for (let i = 0; i < most && block[at] !== 0; i++, at += 24) {
    chunks.push({
      offset: size(block, at, "offset of a chunk"),
      size: size(block, at + 12, "size of a chunk"),
    });
  }
  return chunks;
}

function text(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return fromUtf8(end < 0 ? field : field.subarray(0, end));
}

function size(block: Uint8Array, at: number, what: string): number {
  const value = number(block, at, 12, what);
  if (value < 0) throw new TarError(`${what} is negative`);
  return value;
}

/** Parses a number: octal digits, or base 256 if the first bit is set (GNU, star). */
function number(block: Uint8Array, at: number, length: number, what: string): number {
  const first = block[at]!;
  if ((first & 0x80) !== 0) return base256(block.subarray(at, at + length), what);
  let value = 0;
  let digits = false;
  for (let i = at; i < at + length; i++) {
    const byte = block[i]!;
    if (byte === 0 || byte === 0x20) {
      if (digits || byte === 0) break;
      continue;
    }
    if (byte < 0x30 || byte > 0x37) throw new TarError(`${what} is no octal number`);
    digits = true;
    value = value * 8 + byte - 0x30;
  }
  return value;
}

function base256(field: Uint8Array, what: string): number {
  const negative = (field[0]! & 0x40) !== 0;
  let value = BigInt(field[0]! & 0x3f);
  for (let i = 1; i < field.length; i++) value = (value << 8n) | BigInt(field[i]!);
  if (negative) value -= 1n << BigInt(8 * field.length - 2);
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw new TarError(`${what} is too large`);
  }
  return Number(value);
}

const CHECKSUM = 148;

/** Checks the sum of all bytes, with blanks in the place of the field. Some old programs added signed bytes. */
function checkSum(block: Uint8Array): void {
  const wanted = number(block, CHECKSUM, 8, "checksum");
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= CHECKSUM && i < CHECKSUM + 8 ? 0x20 : block[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  if (wanted !== unsigned && wanted !== signed) throw new TarError("the checksum of a header is wrong");
}
