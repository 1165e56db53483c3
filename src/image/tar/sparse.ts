/**
 * Sparse maps of GNU tar, which say where the data of a sparse file belong (GNU tar's manual, "Storing Sparse
 * Files").
 */
import { type SparseChunk, TarError } from "./header.ts";

/** The largest map, in bytes. */
const SPARSE_MAP_MAX = 1 << 20;
/** The maximum number of digits in a number. A safe integer has fewer. */
const DIGITS_MAX = 20;
const NEWLINE = 0x0a;

/** A map of format 1.0: the number of chunks, then offset and size of each, in decimal, one a line. */
export class SparseMap {
  private readonly numbers: string[] = [];
  private line = "";
  private bytes = 0;

  /** Reads a block. Returns the chunks when the map is complete, otherwise null. Throws a TarError. */
  take(block: Uint8Array): SparseChunk[] | null {
    this.bytes += block.length;
    if (this.bytes > SPARSE_MAP_MAX) throw new TarError("a sparse map is too long");
    for (const byte of block) {
      if (byte !== NEWLINE) {
        if (!isDigit(byte) || this.line.length > DIGITS_MAX) throw new TarError("a sparse map is damaged");
        this.line += String.fromCharCode(byte);
        continue;
      }
      if (this.line === "") throw new TarError("a sparse map is damaged");
      this.numbers.push(this.line);
      this.line = "";
      // The rest of the block is padding.
      if (this.numbers.length > 2 * Number(this.numbers[0]!)) return sparsePairs(this.numbers.slice(1));
    }
    return null;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Makes chunks of the numbers offset, size, offset, size. Throws a TarError. */
export function sparsePairs(numbers: readonly string[]): SparseChunk[] {
  if (numbers.length % 2 !== 0) throw new TarError("a sparse map has an odd number of entries");
  const chunks: SparseChunk[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    const [offset, size] = [Number(numbers[i]), Number(numbers[i + 1])];
    if (
      !/^\d+$/.test(numbers[i]!) ||
      !/^\d+$/.test(numbers[i + 1]!) ||
      !Number.isSafeInteger(offset + size)
    ) {
      throw new TarError("a sparse map has an entry that is no number");
    }
    chunks.push({ offset, size });
  }
  return chunks;
}

/**
 * Checks that the chunks are in order, lie in the file, and have the size of the data in the archive. Throws a
 * TarError.
 */
export function checkSparse(chunks: readonly SparseChunk[], size: number, archived: number): void {
  let end = 0;
  let sum = 0;
  for (const chunk of chunks) {
    if (chunk.offset < end || chunk.offset + chunk.size > size)
      throw new TarError("a sparse map does not fit its file");
    end = chunk.offset + chunk.size;
    sum += chunk.size;
  }
  if (sum !== archived) throw new TarError("a sparse map does not fit what the archive has");
}
