/** Where an image is written to: a registry or files. */
import type { Descriptor } from "../manifest.ts";

/** One image's destination. What it has been given is there once `manifest` has returned. */
export interface Destination {
  /** Whether it has a blob already, or takes it over from where it is. Throws a BrunError. */
  has(blob: Descriptor): Promise<boolean>;
  /**
   * Takes a blob.
   * @param fd its bytes, from 0 on; any position
   * @param progress is told how many of them are there
   * Throws a BrunError or SysError.
   */
  put(blob: Descriptor, fd: number, progress: (bytes: number) => void): Promise<void>;
  /** Takes the manifest, last. Throws a BrunError or SysError. */
  manifest(bytes: Uint8Array, mediaType: string): Promise<void>;
  /** Whatever has happened. */
  close(): void;
}
