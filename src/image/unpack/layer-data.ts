/**
 * What a layer says that is no file: deletions, and directories that it names on the way alone. It stands beside the
 * layer's files as JSON, since whiteouts as devices or extended attributes cannot be had on every file system.
 */
export interface LayerData {
  readonly version: 1;
  /** Paths that are not there any more. */
  readonly whiteouts: readonly string[];
  /** Directories of which nothing that lower layers have is left. */
  readonly opaque: readonly string[];
  /** Directories without an entry of their own: those of a lower layer keep their owner, mode and times. */
  readonly implied: readonly string[];
  /** Hard links to files of lower layers: path and target. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Extended attributes of directories, in base64: views have directories of their own. */
  readonly xattrs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Devices that were left out. */
  readonly devices: number;
}

/** What a layer may take. */
export interface Room {
  readonly bytes: number;
  readonly inodes: number;
}

/** What the layer's unpacking gives back. */
export interface UnpackedLayer {
  readonly data: LayerData;
  /** Digest of the bytes that were read; null when the request wanted none. */
  readonly digest: string | null;
  /** Digest of what they are when uncompressed. */
  readonly diffId: string;
  /** Bytes of the archive, uncompressed. */
  readonly size: number;
}
