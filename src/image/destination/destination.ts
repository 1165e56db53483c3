/** The destination of a pushed image: a registry or files. */
import type { Descriptor } from "../manifest.ts";

/** The destination of one image. The image is complete once `manifest` has returned. */
export interface Destination {
  /** Whether the destination has a blob, or can mount it from another repository. Throws a BrunError. */
  has(blob: Descriptor): Promise<boolean>;
  /**
   * Writes a blob.
   * @param fd a descriptor of the blob's file; its position is not used
   * @param progress is called with the number of bytes written
   * Throws a BrunError or SysError.
   */
  put(blob: Descriptor, fd: number, progress: (bytes: number) => void): Promise<void>;
  /** Writes the manifest, as the last step. Throws a BrunError or SysError. */
  manifest(bytes: Uint8Array, mediaType: string): Promise<void>;
  /** Cleans up, also after errors. */
  close(): void;
}
