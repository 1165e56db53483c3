/** Reads a layer from a descriptor: hashes it, uncompresses it, and hashes it again. */
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { CryptoHasher } from "bun";
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { algorithmOf } from "../digest.ts";
import { checkCompression, compressionOf } from "../formats.ts";

const READ_SIZE = 256 << 10;
const OUTPUT_SIZE = 256 << 10;

/** A layer to read. */
export interface LayerSource {
  readonly fd: number;
  /** The maximum number of bytes to read. */
  readonly size: number;
  /** The algorithm of this digest hashes the bytes; null for no hash. */
  readonly digest: string | null;
  /** The algorithm of this digest hashes the uncompressed bytes. */
  readonly diffId: string;
  /**
   * Waits until the file has grown. Returns false if it will not grow any more. If undefined, the file is
   * complete.
   */
  readonly more?: () => boolean;
}

/** The digests of a layer. */
export interface LayerDigests {
  /** Null if the source has no digest. */
  readonly digest: string | null;
  readonly diffId: string;
  /** The number of uncompressed bytes. */
  readonly size: number;
}

/**
 * Reads a layer to its end.
 * @param take gets the uncompressed bytes, which are valid until it returns
 * @param progress is called with the number of compressed bytes that have been uncompressed, which may be
 *   fewer than have been read
 * @throws BrunError (ERR_ARCHIVE) if it cannot be uncompressed
 */
export async function readLayer(
  source: LayerSource,
  take: (bytes: Uint8Array) => void,
  progress: (done: number) => void,
): Promise<LayerDigests> {
  const packed = source.digest === null ? null : new CryptoHasher(algorithmOf(source.digest));
  const plain = new CryptoHasher(algorithmOf(source.diffId));
  const input = chunks(source, packed);
  const first = await input.next();
  const head: Uint8Array = first.done ? new Uint8Array(0) : first.value;
  const all = async function* () {
    yield head;
    yield* input;
  };
  checkCompression(head);
  const open = opener(head);
  let size = 0;
  const each = (bytes: Uint8Array, done: number) => {
    plain.update(bytes);
    size += bytes.length;
    progress(done);
    take(bytes);
  };
  if (open === null) for await (const bytes of all()) each(bytes, size + bytes.length);
  else {
    const stream = open();
    const from = Readable.from(all(), { objectMode: false, highWaterMark: READ_SIZE });
    from.on("error", (error) => stream.destroy(error));
    from.pipe(stream);
    try {
      for await (const bytes of stream) each(bytes as Uint8Array, stream.bytesWritten);
    } catch (error) {
      throw isZlib(error)
        ? new BrunError(`the layer cannot be uncompressed: ${error.message}`, { code: "ERR_ARCHIVE" })
        : error;
    }
  }
  return {
    digest: packed === null ? null : `${algorithmOf(source.digest!)}:${packed.digest("hex")}`,
    diffId: `${algorithmOf(source.diffId)}:${plain.digest("hex")}`,
    size,
  };
}

function isZlib(error: unknown): error is Error {
  // Errors of the archive's reader pass through the stream, too.
  if (error instanceof BrunError) return false;
  return error instanceof Error && /^(Z_|ZSTD_|ERR_)/.test(String((error as { code?: unknown }).code ?? ""));
}

/** A function that makes a decompressor for bytes with this beginning; null if they are not compressed. */
function opener(head: Uint8Array): (() => Gunzip | ZstdDecompress) | null {
  switch (compressionOf(head)) {
    case "gzip":
      return () => createGunzip({ chunkSize: OUTPUT_SIZE });
    case "zstd":
      return () => createZstdDecompress({ chunkSize: OUTPUT_SIZE });
    default:
      return null;
  }
}

async function* chunks(
  { fd, size, more = () => false }: LayerSource,
  hasher: CryptoHasher | null,
): AsyncGenerator<Uint8Array, void> {
  for (let read = 0; read < size; ) {
    const buffer = new Uint8Array(Math.min(READ_SIZE, size - read));
    const n = syscall(NR.read, fd, buffer, buffer.length);
    if (n === -E.EINTR) continue;
    if (check(n, "read the layer") === 0) {
      if (more()) continue;
      break;
    }
    const bytes = buffer.subarray(0, n);
    hasher?.update(bytes);
    read += n;
    yield bytes;
  }
}
