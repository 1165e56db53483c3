/**
 * Reads the parts of ELF files that the build needs (elf(5)). Bun has no library for it, and
 * it takes only forty lines.
 */
import { layout } from "../src/plan/layout.ts";

const HEADER_SIZE = layout("elfSegment").sizeof;
const SECTION_SIZE = 64;

/** A program header. */
interface Segment {
  readonly bytes: Buffer;
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly memory: number;
  readonly align: number;
}

/** A 64-bit little-endian ELF file. */
export class Elf {
  readonly type: number;
  readonly machine: number;
  readonly entry: bigint;
  readonly segmentsAt: number;
  readonly segments: readonly Segment[];

  constructor(private readonly bytes: Buffer) {
    if (bytes.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") throw new Error("not a 64-bit ELF file");
    this.type = bytes.readUInt16LE(16);
    this.machine = bytes.readUInt16LE(18);
    this.entry = bytes.readBigUInt64LE(24);
    this.segmentsAt = this.word(32);
    this.segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
      const at = this.segmentsAt + i * HEADER_SIZE;
      return {
        bytes: Buffer.from(bytes.subarray(at, at + HEADER_SIZE)),
        type: bytes.readUInt32LE(at),
        offset: this.word(at + 8),
        address: this.word(at + 16),
        memory: this.word(at + 40),
        align: this.word(at + 48),
      };
    });
  }

  private word(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at));
  }

  /** A section by its name. Throws an Error if there is none. */
  section(name: string): { readonly address: number; readonly offset: number } {
    const { bytes } = this;
    const header = (i: number): number => this.word(40) + i * SECTION_SIZE;
    const names = this.word(header(bytes.readUInt16LE(62)) + 24);
    for (let i = 0; i < bytes.readUInt16LE(60); i++) {
      const at = names + bytes.readUInt32LE(header(i));
      if (bytes.toString("latin1", at, bytes.indexOf(0, at)) !== name) continue;
      return { address: this.word(header(i) + 16), offset: this.word(header(i) + 24) };
    }
    throw new Error(`no section ${name}`);
  }
}
