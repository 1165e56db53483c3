/**
 * The frame of an archive: all its bytes that are in no file (headers, padding and the end). Frame and files
 * together make the same archive again, byte by byte. So a layer is pushed with the diffID with which it was
 * pulled (tar-split does so for docker and podman).
 *
 * A frame is a sequence of zstd frames. Each follows its length as u32. Uncompressed they are records, in
 * little endian:
 *
 *   0  u32 length  bytes                                       bytes of the archive
 *   1  u32 length  path  u32 count  count × u64 offset, size   bytes of the archive that are in a file, and where
 */
import { fromUtf8, joined, utf8 } from "../../sys/utf8.ts";
import type { SparseChunk } from "./header.ts";

/** The size from which records are compressed together, and the maximum number of bytes in a record. */
const BLOCK_SIZE = 1 << 20;
const LEVEL = 1;

/** A part of an archive. */
export type FrameRecord =
  | { readonly bytes: Uint8Array }
  | { readonly path: string; readonly chunks: readonly SparseChunk[] };

/** Writes a frame. */
export class FrameWriter {
  private readonly raw = new Uint8Array(BLOCK_SIZE);
  private rawLength = 0;
  private parts: Uint8Array[] = [];
  private length = 0;

  /** @param write appends bytes to the frame's file */
  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  /** Adds these bytes of the archive. */
  bytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BLOCK_SIZE - this.rawLength);
      this.raw.set(part, this.rawLength);
      this.rawLength += part.length;
      at += part.length;
      if (this.rawLength === BLOCK_SIZE) this.putRaw();
    }
  }

  /** Adds bytes of the archive that are in a file, at these places. */
  file(path: string, chunks: readonly SparseChunk[]): void {
    this.putRaw();
    const name = utf8(path);
    const record = new Uint8Array(9 + name.length + 16 * chunks.length);
    const view = new DataView(record.buffer);
    record[0] = 1;
    view.setUint32(1, name.length, true);
    record.set(name, 5);
    let at = 5 + name.length;
    view.setUint32(at, chunks.length, true);
    at += 4;
    for (const { offset, size } of chunks) {
      view.setBigUint64(at, BigInt(offset), true);
      view.setBigUint64(at + 8, BigInt(size), true);
      at += 16;
    }
    this.put(record);
  }

  finish(): void {
    this.putRaw();
    this.flush();
  }

  private putRaw(): void {
    if (this.rawLength === 0) return;
    const header = new Uint8Array(5);
    new DataView(header.buffer).setUint32(1, this.rawLength, true);
    this.put(joined([header, this.raw.subarray(0, this.rawLength)]));
    this.rawLength = 0;
  }

  private put(record: Uint8Array): void {
    this.parts.push(record);
    this.length += record.length;
    if (this.length >= BLOCK_SIZE) this.flush();
  }

  private flush(): void {
    if (this.length === 0) return;
    const packed = Bun.zstdCompressSync(joined(this.parts), { level: LEVEL });
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, packed.length, true);
    this.write(joined([header, packed]));
    this.parts = [];
    this.length = 0;
  }
}

/**
 * Reads a frame.
 * @param read reads the next `size` bytes of the frame's file, or the rest if there are fewer
 * @throws Error if the frame is damaged
 */
export function* readFrame(read: (size: number) => Uint8Array): Generator<FrameRecord, void> {
  for (;;) {
    const header = read(4);
    if (header.length === 0) return;
    const block = Bun.zstdDecompressSync(read(viewOf(header).getUint32(0, true)));
    const view = viewOf(block);
    for (let at = 0; at < block.length; ) {
      const isFile = block[at] === 1;
      const length = view.getUint32(at + 1, true);
      const bytes = block.subarray(at + 5, at + 5 + length);
      at += 5 + length;
      if (!isFile) {
        yield { bytes };
        continue;
      }
      const chunks: SparseChunk[] = [];
      const count = view.getUint32(at, true);
      at += 4;
      for (let i = 0; i < count; i++, at += 16) {
        const [offset, size] = [view.getBigUint64(at, true), view.getBigUint64(at + 8, true)];
        chunks.push({ offset: Number(offset), size: Number(size) });
      }
      yield { path: fromUtf8(bytes), chunks };
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
