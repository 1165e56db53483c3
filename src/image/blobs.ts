/** The manifests and configs in the image store. */
import { exists, readFile, replaceFile, unlink } from "../sys/fs.ts";
import { algorithmOf, digestOf } from "./digest.ts";
import { type Manifest, parseImageConfig, parseManifest } from "./manifest.ts";

/** The documents of an image. */
export interface ImageDocuments {
  /** The bytes of the manifest. */
  readonly bytes: Uint8Array;
  readonly manifest: Extract<Manifest, { kind: "manifest" }>;
  /** The bytes of the config. */
  readonly config: Uint8Array;
  readonly diffIds: readonly string[];
}

/** The directory `blobs` of a store. */
export class Blobs {
  /** @param store the directory of the store */
  constructor(private readonly store: string) {}

  /**
   * A manifest or config. Null if it is missing. A damaged one is removed and counts as missing. Throws a
   * SysError.
   */
  read(digest: string): Uint8Array | null {
    const path = this.path(digest);
    if (!exists(path)) return null;
    const bytes = readFile(path);
    if (digestOf(bytes, algorithmOf(digest)) === digest) return bytes;
    unlink(path);
    return null;
  }

  /**
   * The documents of an image; null if one is missing.
   * @param digest of its manifest
   * @param where for errors
   * Throws a BrunError or SysError.
   */
  image(digest: string, where: string): ImageDocuments | null {
    const bytes = this.read(digest);
    const manifest = bytes === null ? null : parseManifest(bytes, "", where);
    if (bytes === null || manifest?.kind !== "manifest") return null;
    const config = this.read(manifest.config.digest);
    if (config === null) return null;
    return { bytes, manifest, config, diffIds: parseImageConfig(config, where).diffIds };
  }

  /** Writes one that is missing. Throws a SysError. */
  write(digest: string, bytes: Uint8Array): void {
    const path = this.path(digest);
    if (!exists(path)) replaceFile(path, bytes, 0o600);
  }

  private path(digest: string): string {
    return `${this.store}/blobs/${digest.replace(":", "/")}`;
  }
}
