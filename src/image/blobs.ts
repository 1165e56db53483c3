/** The manifests and configs in the image store. */
import { exists, readFile, replaceFile, unlink } from "../sys/fs.ts";
import { algorithmOf, digestOf } from "./digest.ts";

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

  /** Writes one that is missing. Throws a SysError. */
  write(digest: string, bytes: Uint8Array): void {
    const path = this.path(digest);
    if (!exists(path)) replaceFile(path, bytes, 0o600);
  }

  private path(digest: string): string {
    return `${this.store}/blobs/${digest.replace(":", "/")}`;
  }
}
