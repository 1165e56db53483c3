/** Where an image comes from: a registry or files. */
import { BrunError } from "../../errors.ts";
import { SysError } from "../../sys/error.ts";
import { close, fstat, O, open, readFd } from "../../sys/fs.ts";
import { type Descriptor, DOCUMENT_MAX } from "../manifest.ts";

/** A manifest or index, and what the transport says that it is. */
export interface Document {
  readonly bytes: Uint8Array;
  /** "" where the transport does not say. */
  readonly mediaType: string;
}

/** A file of the store that is to be downloaded. */
export interface Arrival {
  /** Below the store. */
  readonly path: string;
  /**
   * Downloads it, until all of it is there and is what its digest says.
   * @param more is called whenever there is more
   * @returns whether bytes have been there meanwhile that were others
   * @throws BrunError
   */
  download(more: () => void): Promise<{ readonly hadOthers: boolean }>;
}

/** A layer's bytes in a file. */
export interface LayerFile {
  /** Open, at the first byte. */
  readonly fd: number;
  readonly size: number;
  /** Of these bytes; null where nobody has said it, and what they unpack to is all that can be checked. */
  readonly digest: string | null;
  /** How the bytes come to be there; undefined when they are. */
  readonly arrival?: Arrival;
  /** No longer wanted: the image is there. */
  release(unpacked: boolean): void;
}

/** One image's origin. */
export interface Source {
  /** What the name leads to. Throws a BrunError. */
  top(): Promise<Document>;
  /** A manifest that an index names. Throws a BrunError. */
  manifest(descriptor: Descriptor): Promise<Document>;
  /** A config. Throws a BrunError. */
  config(descriptor: Descriptor): Promise<Uint8Array>;
  /**
   * A layer, which may have to arrive.
   * @param progress is told how many of its bytes are there
   * Throws a BrunError.
   */
  layer(descriptor: Descriptor, progress: (bytes: number) => void): Promise<LayerFile>;
  close(): void;
}

/** A file that has to be there, and small enough to be read at once. Throws a BrunError. */
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
