/** Pulls an image: resolves its name, puts its layers into the store, and builds its root directory. */
import { cpus } from "node:os";
import { BrunError } from "../errors.ts";
import type { UsernsMode } from "../modes.ts";
import { SysError } from "../sys/error.ts";
import { absolute } from "../sys/fs.ts";
import { digestOf, hexOf, shortDigest } from "./digest.ts";
import { checkLayerType } from "./formats.ts";
import { type UnpackIds, unpackIds } from "./ids.ts";
import { type FileName, type ImageName, nameText, parseName, type RegistryName } from "./image-name.ts";
import { type Descriptor, type Manifest, MEDIA, parseImageConfig, parseManifest } from "./manifest.ts";
import { choosePlatform, type Platform, platformText, runsOn } from "./platform.ts";
import type { ImageEvent, LayerState } from "./progress.ts";
import { findStored, type ReadyImage } from "./ready.ts";
import { candidates, type RegistriesConf, registriesConf } from "./registry/conf.ts";
import type { Credentials } from "./registry/credentials.ts";
import { removeLeftovers } from "./remove.ts";
import { storeError } from "./room.ts";
import { Slots } from "./slots.ts";
import { archiveFiles, SavedSource } from "./source/archive.ts";
import { DirSource, directoryFiles, LayoutSource } from "./source/layout.ts";
import { RegistrySource } from "./source/registry.ts";
import type { Document, Source } from "./source/source.ts";
import { ImageStore } from "./store.ts";
import { rootIfThere, type StoredImage, withImage } from "./stored.ts";

/** When a registry is asked, as podman's --pull. */
export type PullPolicy = "missing" | "always" | "newer" | "never";

/** Options of a pull. */
export interface PullOptions {
  readonly platform: Platform;
  readonly policy: PullPolicy;
  readonly userns: UsernsMode;
  /** The global flag: whether containers get a user namespace. */
  readonly rootless: boolean | "auto";
  readonly authFile?: string | undefined;
  /** A login for the registry in the name, in place of those that are kept. */
  readonly credentials?: Credentials | undefined;
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((event: ImageEvent) => void) | undefined;
  /** Receives the reason if a pull has failed and the stored image is used instead. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly store?: ImageStore | undefined;
}

/** A pulled image. */
export interface PulledImage extends ReadyImage {
  /** The image was complete in the store, and nothing was downloaded. */
  readonly cached: boolean;
}

/**
 * Pulls an image.
 * @param text a name: "debian:12", "oci:DIR:TAG"
 * @throws BrunError if there is no such image, or it cannot be pulled or unpacked; then nothing of it is listed
 */
export async function pull(text: string, options: PullOptions): Promise<PulledImage> {
  const name = parseName(text);
  const store = options.store ?? ImageStore.open();
  const ids = unpackIds(options.userns, options.rootless);
  if (name.transport !== "registry") {
    const file = absoluteName(name);
    return fetchImage(file, await openFiles(file, store), store, ids, options);
  }
  const conf = registriesConf();
  const names = candidates(name, conf);
  if (options.credentials !== undefined && names.length > 1) {
    throw new BrunError(`${text} may be in ${names.map(({ domain }) => domain).join(" or ")}`, {
      code: "ERR_USAGE",
      where: "--creds",
      hint: `name the registry for which the login is: ${nameText(names[0]!)}`,
    });
  }
  const there = options.policy === "always" ? undefined : findStored(names, store.images(), options.platform);
  if (there !== undefined && options.policy !== "newer") {
    const ready = await stored(there, store, ids);
    if (ready !== null) return ready;
  }
  if (options.policy === "never") {
    throw new BrunError(`${text} is not there${there === undefined ? "" : " for these ids"}`, {
      code: "ERR_IMAGE_NOT_FOUND",
      where: "--pull never",
      hint: `brun image pull ${text}`,
    });
  }
  const fetching = fetchFirst(names, there, conf, store, ids, options);
  if (there === undefined) return fetching;
  try {
    return await fetching;
  } catch (error) {
    const ready = options.signal?.aborted ? null : await stored(there, store, ids);
    if (ready === null) throw error;
    // podman's manual: "Pull errors are suppressed if a local image was found."
    options.warn?.(`the stored image ${there.name} is used: ${(error as Error).message}`);
    return ready;
  }
}

/**
 * Pulls the first existing image of some names.
 * @param there a stored image, which is used if the registry has no newer one
 * @throws BrunError
 */
async function fetchFirst(
  names: readonly RegistryName[],
  there: StoredImage | undefined,
  conf: RegistriesConf,
  store: ImageStore,
  ids: UnpackIds,
  options: PullOptions,
): Promise<PulledImage> {
  let last: unknown;
  for (const candidate of names) {
    const source = new RegistrySource(candidate, conf, store, registryOptions(options));
    try {
      if (there !== undefined && (await source.currentDigest()) === there.top) {
        const ready = await stored(there, store, ids);
        if (ready !== null) return ready;
      }
      return await fetchImage(candidate, source, store, ids, options);
    } catch (error) {
      last = error;
      // The next registry may have an image of that name.
      if (
        error instanceof BrunError &&
        (error.code === "ERR_IMAGE_NOT_FOUND" || error.code === "ERR_UNAUTHORIZED")
      )
        continue;
      throw error;
    }
  }
  throw last;
}

function absoluteName(name: FileName): FileName {
  return { ...name, path: absolute(name.path) };
}

function registryOptions({ authFile, credentials, insecure, signal }: PullOptions) {
  return { authFile, credentials, insecure: insecure ?? false, signal };
}

/** A stored image. Builds its root if necessary. Null if a layer is missing. Throws a BrunError. */
export async function stored(
  image: StoredImage,
  store: ImageStore,
  ids: UnpackIds,
): Promise<PulledImage | null> {
  const config = image.runs;
  const root = rootIfThere(store.directory, ids, image.diffIds);
  if (root !== null) return { image, config, root, cached: true };
  if (!image.diffIds.every((diffId) => store.hasLayer(ids, diffId))) return null;
  return { image, config, root: await store.buildRoot(ids, image.diffIds), cached: true };
}

/** Opens an image in files. Throws a BrunError. */
async function openFiles(name: FileName, store: ImageStore): Promise<Source> {
  const where = nameText(name);
  if (name.transport === "oci") return new LayoutSource(name, directoryFiles(name.path, where));
  if (name.transport === "dir") return new DirSource(name);
  const files = await archiveFiles(name.path, `${store.directory}/${store.temporaryName("archive")}`, where);
  return name.transport === "oci-archive" ? new LayoutSource(name, files) : new SavedSource(name, files);
}

/** The manifest for a platform, and the digest of the document to which the name leads. */
interface Resolved {
  readonly top: string;
  readonly document: Document;
  readonly manifest: Extract<Manifest, { kind: "manifest" }>;
}

/** The maximum depth of indexes in indexes. */
const INDEXES_MAX = 3;

async function resolve(source: Source, where: string, platform: Platform): Promise<Resolved> {
  let document = await source.top();
  const top = digestOf(document.bytes);
  for (let depth = 0; depth <= INDEXES_MAX; depth++) {
    const manifest = parseManifest(document.bytes, document.mediaType, where);
    if (manifest.kind === "manifest") return { top, document, manifest };
    document = await source.manifest(choosePlatform(manifest.manifests, platform, where));
  }
  throw new BrunError(`${where} has indexes in indexes without end`, { code: "ERR_ARCHIVE", where });
}

async function fetchImage(
  name: ImageName,
  source: Source,
  store: ImageStore,
  ids: UnpackIds,
  options: PullOptions,
): Promise<PulledImage> {
  const where = nameText(name);
  try {
    return await store.making(() => makeImage(where, source, store, ids, options));
  } catch (error) {
    throw error instanceof SysError ? storeError(error, where) : error;
  } finally {
    source.close();
  }
}

async function makeImage(
  where: string,
  source: Source,
  store: ImageStore,
  ids: UnpackIds,
  options: PullOptions,
): Promise<PulledImage> {
  const { top, document, manifest } = await resolve(source, where, options.platform);
  if (!isConfig(manifest.config)) {
    throw new BrunError(`${where} is no container image, but ${manifest.config.mediaType}`, {
      code: "ERR_ARCHIVE",
      where,
    });
  }
  const configBytes = await source.config(manifest.config);
  const config = parseImageConfig(configBytes, `${where}: config`);
  if (config.platform.architecture !== "" && !runsOn(config.platform, options.platform)) {
    throw new BrunError(
      `${where} is for ${platformText(config.platform)}, and not for ${platformText(options.platform)}`,
      {
        code: "ERR_PLATFORM",
        hint: `--platform ${platformText(config.platform)} takes it all the same`,
      },
    );
  }
  const { layers } = manifest;
  if (layers.length !== config.diffIds.length) {
    throw new BrunError(`${where} has ${layers.length} layers and a config for ${config.diffIds.length}`, {
      code: "ERR_ARCHIVE",
      where,
    });
  }
  if (layers.length === 0) throw new BrunError(`${where} has no layers`, { code: "ERR_ARCHIVE", where });
  for (const layer of layers) checkLayerType(layer, where);
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const wanted = layers.filter((_, i) => !store.hasLayer(ids, config.diffIds[i]!));
  if (source instanceof RegistrySource) source.checkSpace(wanted);
  if (wanted.length > 0) {
    options.progress?.({ type: "image", doing: "pulling", name: where, layers: layers.length, size });
  }
  removeLeftovers(store);
  await fetchLayers(layers, config.diffIds, source, store, ids, options, where);
  const root = await store.buildRoot(ids, config.diffIds);
  const image: StoredImage = {
    name: where,
    manifest: digestOf(document.bytes),
    top,
    config: manifest.config.digest,
    runs: config,
    platform: config.platform,
    size,
    diffIds: config.diffIds,
    pulled: new Date().toISOString(),
  };
  store.blobs.write(image.manifest, document.bytes);
  store.blobs.write(image.config, configBytes);
  await store.change((images) => withImage(images, image));
  return { image, config, root, cached: false };
}

/** Whether a config is that of a container image. Signatures, charts and other artifacts have manifests, too. */
function isConfig({ mediaType }: Descriptor): boolean {
  return (
    mediaType === "" ||
    mediaType === MEDIA.config ||
    mediaType === "application/vnd.docker.container.image.v1+json"
  );
}

/**
 * The maximum number of layers that are downloaded at the same time. For images in files, as many layers as
 * there are processors are unpacked at the same time.
 */
const DOWNLOADS = 3;

async function fetchLayers(
  layers: readonly Descriptor[],
  diffIds: readonly string[],
  source: Source,
  store: ImageStore,
  ids: UnpackIds,
  options: PullOptions,
  where: string,
): Promise<void> {
  const slots = new Slots(source instanceof RegistrySource ? DOWNLOADS : Math.max(1, cpus().length));
  const seen = new Set<string>();
  const jobs = layers
    .map((layer, i) => ({ layer, diffId: diffIds[i]! }))
    .filter(({ diffId }) => !seen.has(diffId) && seen.add(diffId));
  const results = await Promise.allSettled(
    jobs.map(({ layer, diffId }) => fetchLayer(layer, diffId, { source, store, ids, options, where, slots })),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

interface LayerWork {
  readonly source: Source;
  readonly store: ImageStore;
  readonly ids: UnpackIds;
  readonly options: PullOptions;
  readonly where: string;
  readonly slots: Slots;
}

async function fetchLayer(layer: Descriptor, diffId: string, work: LayerWork): Promise<void> {
  const { source, store, ids, options, where } = work;
  const tell = (state: LayerState, bytes: number) =>
    options.progress?.({ type: "layer", digest: layer.digest, size: layer.size, state, bytes });
  if (store.hasLayer(ids, diffId)) {
    tell("done", layer.size);
    return;
  }
  tell("waiting", 0);
  const release = await work.slots.take();
  const lock = await store.lock(`layer-${ids.name}-${hexOf(diffId)}`);
  try {
    if (store.hasLayer(ids, diffId)) return tell("done", layer.size);
    /** The number of bytes that have been downloaded. Unpacking is reported once all have been. */
    let here = 0;
    // Another pull with other ids may download the same blob.
    const blobLock = await store.lock(`blob-${hexOf(layer.digest)}`);
    try {
      const file = await source.layer(layer, (bytes) => {
        here = bytes;
        tell("downloading", bytes);
      });
      let unpacked = false;
      try {
        await store.unpack(ids, { ...file, diffId }, (bytes) => {
          if (here === layer.size) tell("unpacking", bytes);
        });
        unpacked = true;
      } catch (error) {
        throw ofLayer(error, where, layer);
      } finally {
        file.release(unpacked);
      }
    } finally {
      blobLock.release();
    }
    tell("done", layer.size);
  } finally {
    lock.release();
    release();
  }
}

function ofLayer(error: unknown, where: string, { digest }: Descriptor): unknown {
  return error instanceof BrunError ? storeError(error, `${where}: layer ${shortDigest(digest)}`) : error;
}
