/** Writes an archive to a new file, gzip-compressed and hashed. */
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CryptoHasher } from "bun";
import { O, open } from "../../sys/fs.ts";

/** A packed layer. */
export interface PackedLayer {
  readonly digest: string;
  readonly diffId: string;
  /** The size of the file in bytes. */
  readonly size: number;
}

export class PackedFile {
  private readonly plain: CryptoHasher;
  private readonly packed = new CryptoHasher("sha256");
  private readonly gzip = createGzip({ chunkSize: 256 << 10 });
  private readonly written: Promise<void>;
  private size = 0;

  /**
   * @param file a new file
   * @param algorithm of the diffID
   */
  constructor(
    file: string,
    private readonly algorithm: "sha256" | "sha512" = "sha256",
  ) {
    this.plain = new CryptoHasher(algorithm);
    // The descriptor is opened here, since node:fs still has the current directory from before the chroot.
    const out = createWriteStream("", { fd: open(file, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600) });
    this.gzip.on("data", (bytes: Uint8Array) => {
      this.packed.update(bytes);
      this.size += bytes.length;
      if (!out.write(bytes)) {
        this.gzip.pause();
        out.once("drain", () => this.gzip.resume());
      }
    });
    this.gzip.on("end", () => out.end());
    this.gzip.on("error", (error) => out.destroy(error));
    this.written = finished(out);
    // finish() awaits this. Until then a failure must not be an unhandled rejection.
    this.written.catch(() => {});
  }

  /** Writes bytes, which the caller must not change afterwards. Throws the errors of writing. */
  async put(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.plain.update(bytes);
    if (this.gzip.write(bytes)) return;
    await Promise.race([
      new Promise<void>((resolve) => this.gzip.once("drain", resolve)),
      this.written.then(() => {}),
    ]);
  }

  async finish(): Promise<PackedLayer> {
    this.gzip.end();
    await this.written;
    return {
      digest: `sha256:${this.packed.digest("hex")}`,
      diffId: `${this.algorithm}:${this.plain.digest("hex")}`,
      size: this.size,
    };
  }
}
