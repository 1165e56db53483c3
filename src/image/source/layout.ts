/** Images in directories: `oci:DIR[:TAG]` (image-spec, image-layout.md) and `dir:DIR` (containers-transports(5)). */
import { BrunError } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { close, fstat } from "../../sys/fs.ts";
import { algorithmOf, digestOf, hexOf } from "../digest.ts";
import { type FileName, nameText } from "../image-name.ts";
import { type Descriptor, parseManifest } from "../manifest.ts";
import { type Document, type LayerFile, openFile, readDocument, type Source } from "./source.ts";

/** The annotation with the name of an image in a layout. */
export const REF_NAME = "org.opencontainers.image.ref.name";
/** containerd's annotation with the full name. */
const FULL_NAME = "io.containerd.image.name";

/** Files of an image by name, in a directory or an archive. */
export interface Files {
  /** Reads a small file. Throws a BrunError. */
  read(path: string): Promise<Uint8Array>;
  /** Opens a file. Throws a BrunError. */
  open(path: string): Promise<{ readonly fd: number; readonly size: number }>;
  close(): void;
}

/** The files below a directory. */
export function directoryFiles(directory: string, where: string): Files {
  return {
    read: async (path) => named(path, () => readDocument(`${directory}/${path}`, where)),
    open: async (path) => {
      const fd = named(path, () => openFile(`${directory}/${path}`, where));
      return { fd, size: fstat(fd).size };
    },
    close: () => {},
  };

  function named<T>(path: string, use: () => T): T {
    try {
      return use();
    } catch (error) {
      if (!(error instanceof BrunError) || (error.code !== "ENOENT" && error.code !== "ENOTDIR")) throw error;
      // If the top document is missing, there is no image. If another file is missing, the image is incomplete.
      const isWhole = path.includes("/") || !path.endsWith(".json");
      throw new BrunError(
        isWhole ? `${where} has no file ${quoted(path)}` : `there is no ${directory}/${path}`,
        {
          code: isWhole ? "ERR_ARCHIVE" : "ERR_IMAGE_NOT_FOUND",
          where,
          hint: isWhole ? "it has not been copied whole" : "is it the right directory?",
          cause: error,
        },
      );
    }
  }
}

/** The entry of a layout's index with a tag; without a tag the only entry. Throws a BrunError. */
function chooseEntry(entries: readonly Descriptor[], tag: string | undefined, where: string): Descriptor {
  const nameOf = ({ annotations }: Descriptor) => annotations?.[REF_NAME] ?? annotations?.[FULL_NAME];
  const named = entries.filter((one) => {
    const name = nameOf(one);
    return tag === undefined || name === tag || name?.endsWith(`:${tag}`) === true;
  });
  if (named.length === 1) return named[0]!;
  // One image may have several names.
  if (named.length > 1 && new Set(named.map(({ digest }) => digest)).size === 1) return named[0]!;
  const names = entries.map(nameOf).filter((name) => name !== undefined);
  const hint = names.length === 0 ? undefined : `there are: ${names.slice(0, 12).join(", ")}`;
  if (tag !== undefined) {
    throw new BrunError(`${where} has no image ${quoted(tag)}`, { code: "ERR_IMAGE_NOT_FOUND", where, hint });
  }
  throw new BrunError(`${where} has ${entries.length === 0 ? "no image" : "several images"}`, {
    code: "ERR_IMAGE_NOT_FOUND",
    where,
    hint,
  });
}

/** An image of a layout in a directory or an archive. */
export class LayoutSource implements Source {
  private readonly where: string;

  constructor(
    private readonly name: FileName,
    private readonly files: Files,
  ) {
    this.where = nameText(name);
  }

  async top(): Promise<Document> {
    const index = parseManifest(await this.files.read("index.json"), "", `${this.where}: index.json`);
    if (index.kind !== "index")
      throw new BrunError("index.json is no index", { code: "ERR_ARCHIVE", where: this.where });
    return this.manifest(chooseEntry(index.manifests, this.name.tag, this.where));
  }

  async manifest(descriptor: Descriptor): Promise<Document> {
    return { bytes: await this.document(descriptor), mediaType: descriptor.mediaType };
  }

  config(descriptor: Descriptor): Promise<Uint8Array> {
    return this.document(descriptor);
  }

  async layer({ digest }: Descriptor, progress: (bytes: number) => void): Promise<LayerFile> {
    const { fd, size } = await this.files.open(blobPath(digest));
    progress(size);
    return { fd, size, digest, release: () => close(fd) };
  }

  close(): void {
    this.files.close();
  }

  private async document({ digest }: Descriptor): Promise<Uint8Array> {
    return verified(await this.files.read(blobPath(digest)), digest, this.where);
  }
}

/** The path of a blob in a layout. */
export function blobPath(digest: string): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** Returns the bytes if they have the digest. Throws a BrunError otherwise. */
export function verified(bytes: Uint8Array, digest: string, where: string): Uint8Array {
  const found = digestOf(bytes, algorithmOf(digest));
  if (found === digest) return bytes;
  throw new BrunError(`${where} is damaged: the blob ${digest} has the digest ${found}`, {
    code: "ERR_DIGEST",
    where,
  });
}

/** `dir:`: a directory with manifest.json and blobs, whose names are their digests. */
export class DirSource implements Source {
  private readonly files: Files;
  private readonly where: string;

  constructor(name: FileName) {
    this.where = nameText(name);
    this.files = directoryFiles(name.path, this.where);
  }

  async top(): Promise<Document> {
    return { bytes: await this.files.read("manifest.json"), mediaType: "" };
  }

  async manifest({ digest, mediaType }: Descriptor): Promise<Document> {
    const bytes = await this.files.read(`${hexOf(digest)}.manifest.json`);
    return { bytes: verified(bytes, digest, this.where), mediaType };
  }

  async config({ digest }: Descriptor): Promise<Uint8Array> {
    return verified(await this.files.read(hexOf(digest)), digest, this.where);
  }

  async layer({ digest }: Descriptor, progress: (bytes: number) => void): Promise<LayerFile> {
    const { fd, size } = await this.files.open(hexOf(digest));
    progress(size);
    return { fd, size, digest, release: () => close(fd) };
  }

  close(): void {}
}
