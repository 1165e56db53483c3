/** The source of a pulled image: a registry or files. */
import { BrunError } from "../../errors.ts";
import { SysError } from "../../sys/error.ts";
import { close, fstat, O, open, readFd } from "../../sys/fs.ts";
import { type Descriptor, DOCUMENT_MAX } from "../manifest.ts";

/** A manifest or index, with its media type according to the transport. */
export interface Document {
  readonly bytes: Uint8Array;
  /** "" if the transport does not say. */
  readonly mediaType: string;
}

/** A file in the store that will be downloaded. */
export interface Arrival {
  /** The path below the store. */
  readonly path: string;
  /**
   * Downloads the file until it is complete and has the right digest.
   * @param more is called whenever bytes have been added
   * @returns whether the file had wrong bytes at some time
   * @throws BrunError
   */
  download(more: () => void): Promise<{ readonly hadOthers: boolean }>;
}

/** The file of a layer. */
export interface LayerFile {
  /** A descriptor at the first byte. */
  readonly fd: number;
  readonly size: number;
  /** The digest of these bytes. Null if it is unknown: then only the diffID can be checked. */
  readonly digest: string | null;
  /** The download of the file; undefined if it is complete. */
  readonly arrival?: Arrival;
  /** Called when the file is no longer needed. `unpacked`: the layer has been unpacked. */
  release(unpacked: boolean): void;
}

/** The source of one image. */
export interface Source {
  /** The manifest or index of the name. Throws a BrunError. */
  top(): Promise<Document>;
  /** A manifest from an index. Throws a BrunError. */
  manifest(descriptor: Descriptor): Promise<Document>;
  /** A config. Throws a BrunError. */
  config(descriptor: Descriptor): Promise<Uint8Array>;
  /**
   * A layer, which may have to be downloaded.
   * @param progress is called with the number of bytes that are there
   * Throws a BrunError.
   */
  layer(descriptor: Descriptor, progress: (bytes: number) => void): Promise<LayerFile>;
  close(): void;
}

/** Reads a small file, which has to exist. Throws a BrunError. */
export function readDocument(path: string, where: string): Uint8Array {
  const fd = openFile(path, where);
  try {
    const { size } = fstat(fd);
    if (size > DOCUMENT_MAX)
      throw new BrunError(`${path} has ${size} bytes, more than such a file may`, {
        code: "ERR_ARCHIVE",
        where,
      });
    return readFd(fd, path, size);
  } finally {
    close(fd);
  }
}

/** Opens a regular file. Throws a BrunError. */
export function openFile(path: string, where: string): number {
  let fd: number;
  try {
    fd = open(path, O.RDONLY | O.NONBLOCK);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new BrunError(error.message, { code: error.code, where });
  }
  if ((fstat(fd).mode & 0o170000) === 0o100000) return fd;
  close(fd);
  throw new BrunError(`${path} is no file`, { code: "ERR_USAGE", where });
}
