/**
 * The data of a layer that are not files: deletions, and directories without entries. They are stored as JSON
 * beside the layer's files, since not every file system can store whiteouts as devices or extended attributes.
 */
export interface LayerData {
  readonly version: 1;
  /** Paths that the layer deletes. */
  readonly whiteouts: readonly string[];
  /** Directories whose content in lower layers is hidden. */
  readonly opaque: readonly string[];
  /** Directories without an entry. If a lower layer has the directory, it keeps its owner, mode and times. */
  readonly implied: readonly string[];
  /** Hard links to files of lower layers. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Extended attributes of directories, in base64. A view makes its directories anew. */
  readonly xattrs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The number of devices, which are not unpacked. */
  readonly devices: number;
}

/** The limits for a layer. */
export interface Room {
  readonly bytes: number;
  readonly inodes: number;
}

/** The result of unpacking a layer. */
export interface UnpackedLayer {
  readonly data: LayerData;
  /** The digest of the bytes that were read; null if the request asked for none. */
  readonly digest: string | null;
  /** The digest of the uncompressed bytes. */
  readonly diffId: string;
  /** The size of the uncompressed archive in bytes. */
  readonly size: number;
}
