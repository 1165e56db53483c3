/** Pushes an image from the store to a registry or into files. */

import { BrunError } from "../errors.ts";
import { isFull, SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { absolute, close } from "../sys/fs.ts";
import { inputFd } from "../sys/spawn.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import type { ImageDocuments } from "./blobs.ts";
import type { Destination } from "./destination/destination.ts";
import { ArchiveDestination, LayoutDestination } from "./destination/layout.ts";
import { RegistryDestination } from "./destination/registry.ts";
import { digestOf, shortDigest } from "./digest.ts";
import {
  formatOf,
  layerType,
  MAGIC_SIZE,
  type ManifestFormat,
  manifestWith,
  mediaTypeIn,
} from "./formats.ts";
import { findIds, type UnpackIds } from "./ids.ts";
import { type ImageName, nameText, parseName } from "./image-name.ts";
import { type Descriptor, type Manifest, MEDIA } from "./manifest.ts";
import type { ImageEvent, LayerState } from "./progress.ts";
import { registriesConf } from "./registry/conf.ts";
import type { Credentials } from "./registry/credentials.ts";
import { SPACE_HINT } from "./room.ts";
import { Slots } from "./slots.ts";
import type { ImageStore } from "./store.ts";
import type { StoredImage } from "./stored.ts";

/** Options of a push. */
export interface PushOptions {
  /** The format of the manifest. If undefined, it is that of the image, and OCI's for files. */
  readonly format?: ManifestFormat | undefined;
  /** The global flag: whether containers get a user namespace. */
  readonly rootless: boolean | "auto";
  readonly authFile?: string | undefined;
  /** A login for the registry, in place of those that are kept. */
  readonly credentials?: Credentials | undefined;
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((event: ImageEvent) => void) | undefined;
}

/** The maximum number of layers that are written at the same time. */
const UPLOADS = 3;

/**
 * Pushes an image.
 * @param to a name: "ghcr.io/me/app:1", "oci:DIR:TAG"
 * @returns the digest of the written manifest. It differs from the image's if a layer was compressed again.
 * @throws BrunError if the image cannot be written
 */
export async function push(
  image: StoredImage,
  to: string,
  store: ImageStore,
  options: PushOptions,
): Promise<string> {
  const name = destinationName(to);
  return store.making(async () => {
    const documents = store.blobs.image(image.manifest, image.name);
    if (documents === null) {
      throw new BrunError(`${image.name} has lost its manifest`, {
        code: "ERR_STATE",
        where: image.name,
        hint: `brun image pull ${image.name}`,
      });
    }
    const ids = idsOfLayers(image, store, options.rootless);
    let destination: Destination | undefined;
    try {
      destination = open(name, documents.manifest, store, options);
      const work = { ...documents, image, ids, store, options, destination };
      return await write(work, name);
    } catch (error) {
      throw destinationError(error, nameText(name));
    } finally {
      destination?.close();
    }
  });
}

/** The name of a destination. Throws a BrunError (ERR_USAGE). */
export function destinationName(text: string): ImageName {
  const name = parseName(text);
  if (name.transport === "registry" && name.digest !== undefined) {
    throw new BrunError(`${text} has a digest, which is the image's own`, {
      code: "ERR_USAGE",
      hint: "name a tag",
    });
  }
  if (name.transport === "docker-archive" || name.transport === "dir") {
    throw new BrunError(`${name.transport}: cannot be written to`, {
      code: "ERR_USAGE",
      where: text,
      hint: "HOST/NAME[:TAG], oci:DIR[:TAG] and oci-archive:FILE[:TAG] can",
    });
  }
  return name.transport === "registry" ? name : { ...name, path: absolute(name.path) };
}

function open(
  name: ImageName,
  manifest: Extract<Manifest, { kind: "manifest" }>,
  store: ImageStore,
  { authFile, credentials, insecure = false, signal }: PushOptions,
): Destination {
  if (name.transport === "registry") {
    const known = repositoriesWith(manifest.layers, name.domain, name.path, store);
    const access = { authFile, credentials, insecure, signal };
    return new RegistryDestination(name, registriesConf(), known, access);
  }
  if (name.transport === "oci") return new LayoutDestination(name);
  return new ArchiveDestination(name, `${store.directory}/${store.temporaryName("archive")}`);
}

/** Other repositories of a registry from which layers were pulled, by the layer's digest. */
function repositoriesWith(
  layers: readonly Descriptor[],
  domain: string,
  path: string,
  store: ImageStore,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const image of store.images()) {
    const name = parseName(image.name);
    if (name.transport !== "registry" || name.domain !== domain || name.path === path) continue;
    const there = new Set(
      store.blobs.image(image.manifest, image.name)?.manifest.layers.map(({ digest }) => digest),
    );
    for (const { digest } of layers) {
      const known = found.get(digest) ?? [];
      if (there.has(digest) && !known.includes(name.path)) found.set(digest, [...known, name.path]);
    }
  }
  return found;
}

/** The ids for which the store has all layers of an image. Throws a BrunError (ERR_STATE). */
function idsOfLayers(
  { diffIds, name }: StoredImage,
  store: ImageStore,
  rootless: boolean | "auto",
): UnpackIds {
  const found = findIds((ids) => diffIds.every((diffId) => store.hasLayer(ids, diffId)), rootless);
  if (found !== undefined) return found;
  throw new BrunError(`${name} has no layers for your ids`, {
    code: "ERR_STATE",
    where: name,
    hint: `brun image pull ${name}`,
  });
}

interface Work extends ImageDocuments {
  readonly image: StoredImage;
  readonly ids: UnpackIds;
  readonly store: ImageStore;
  readonly options: PushOptions;
  readonly destination: Destination;
}

async function write(work: Work, name: ImageName): Promise<string> {
  const { image, bytes, config, manifest, options, destination } = work;
  const format = options.format ?? (name.transport === "registry" ? formatOf(bytes) : "oci");
  const { size, diffIds } = image;
  options.progress?.({
    type: "image",
    doing: "pushing",
    name: nameText(name),
    layers: diffIds.length,
    size,
  });
  const slots = new Slots(UPLOADS);
  const once = new Map<string, Promise<Descriptor>>();
  const start = async (layer: Descriptor, diffId: string) => {
    const release = await slots.take();
    try {
      return await writeLayer(layer, diffId, format, work);
    } finally {
      release();
    }
  };
  const results = await Promise.allSettled(
    manifest.layers.map((layer, i) => {
      // A manifest can have the same layer several times, above all an empty one.
      const written = once.get(layer.digest) ?? start(layer, diffIds[i]!);
      once.set(layer.digest, written);
      return written;
    }),
  );
  const layers = results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  if (!(await destination.has(manifest.config))) {
    const fd = inputFd(fromUtf8(config));
    try {
      await destination.put(manifest.config, fd, () => {});
    } finally {
      close(fd);
    }
  }
  const written = manifestWith(bytes, manifest, layers, format);
  await destination.manifest(written, mediaTypeIn(MEDIA.manifest, format)!);
  return digestOf(written);
}

/**
 * Writes a layer.
 * @returns its descriptor for the manifest
 */
async function writeLayer(
  layer: Descriptor,
  diffId: string,
  format: ManifestFormat,
  { image, ids, store, options, destination }: Work,
): Promise<Descriptor> {
  const tell = (state: LayerState, bytes: number, size = layer.size) =>
    options.progress?.({ type: "layer", digest: layer.digest, size, state, bytes });
  tell("waiting", 0);
  const mediaType = mediaTypeIn(layer.mediaType, format);
  if (mediaType !== null && (await destination.has(layer))) {
    tell("done", layer.size);
    return { ...layer, mediaType };
  }
  let archive: Awaited<ReturnType<ImageStore["archive"]>>;
  try {
    archive = await store.archive(ids, diffId, (bytes) => tell("packing", bytes));
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    const full = isFull(error);
    const lost = `\`brun image remove ${image.name}\`, and pull it again`;
    throw new BrunError(error.message, {
      code: full ? "ERR_NO_SPACE" : error.code,
      where: `${image.name}: layer ${shortDigest(diffId)}`,
      hint: error.hint ?? (full ? SPACE_HINT : lost),
      cause: error,
    });
  }
  try {
    const { digest, size, fd } = archive;
    const made = { digest, size, mediaType: mediaTypeIn(typeOfLayer(fd), format) ?? MEDIA.layerZstd };
    // If it was compressed in the same way, the digest is the same.
    const same = digest === layer.digest && mediaType !== null;
    const known = !same && (await destination.has(made));
    if (!known) await destination.put(made, fd, (bytes) => tell("uploading", bytes, size));
    tell("done", size, size);
    return same ? { ...layer, mediaType } : made;
  } finally {
    archive.release();
  }
}

/** OCI's media type for the layer in a file. */
export function typeOfLayer(fd: number): string {
  const head = new Uint8Array(MAGIC_SIZE);
  syscall(NR.pread64, fd, head, head.length, 0);
  return layerType(head);
}

/** A failed system call, or a full disk, with the name of the destination. Other errors stay what they are. */
function destinationError(error: unknown, where: string): unknown {
  const full = isFull(error);
  if (!(error instanceof SysError || (error instanceof BrunError && full))) return error;
  return new BrunError(error.message, {
    code: full ? "ERR_NO_SPACE" : error.code,
    where,
    hint: full ? "make room there, or name a place on another disk" : undefined,
    cause: error,
  });
}
