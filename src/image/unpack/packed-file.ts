/** A new file with an archive, gzip-compressed and hashed while it is written. */
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CryptoHasher } from "bun";
import { O, open } from "../../sys/fs.ts";

/** What was packed. */
export interface PackedLayer {
  readonly digest: string;
  readonly diffId: string;
  /** Of the file, in bytes. */
  readonly size: number;
}

export class PackedFile {
  private readonly plain: CryptoHasher;
  private readonly packed = new CryptoHasher("sha256");
  private readonly gzip = createGzip({ chunkSize: 256 << 10 });
  private readonly written: Promise<void>;
  private size = 0;

  /**
   * @param file to be made
   * @param algorithm of the diffID
   */
  constructor(
    file: string,
    private readonly algorithm: "sha256" | "sha512" = "sha256",
  ) {
    this.plain = new CryptoHasher(algorithm);
    // node's own idea of the current directory is from before the chroot.
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
    // It is awaited at the end; until then a failure is nobody's.
    this.written.catch(() => {});
  }

  /** Bytes of the archive, which are not changed any more. Throws what writing throws. */
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
