/** Makes images: from an archive of a root file system, and from the changes in a container. */
import { BrunError } from "../errors.ts";
import { parseJson } from "../spec/json.ts";
import { isFull } from "../sys/error.ts";
import { close, exists, fstat, O, open, unlink } from "../sys/fs.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import type { ImageDocuments } from "./blobs.ts";
import { type ImageContainer, imageOfContainer } from "./container-image.ts";
import { digestOf } from "./digest.ts";
import { findIds, type UnpackIds } from "./ids.ts";
import { nameText, parseName } from "./image-name.ts";
import { type Descriptor, MEDIA, parseImageConfig } from "./manifest.ts";
import { ownPlatform, type Platform } from "./platform.ts";
import { destinationName, type PushOptions, push, typeOfLayer } from "./push.ts";
import { candidates, registriesConf } from "./registry/conf.ts";
import { storeError } from "./room.ts";
import { openFile } from "./source/source.ts";
import type { ImageStore } from "./store.ts";
import { rootPath, type StoredImage, withImage } from "./stored.ts";
import type { PackedLayer } from "./unpack/packed-file.ts";

/** An image's config as JSON. Unknown fields are kept. */
interface ConfigJson {
  architecture?: unknown;
  os?: unknown;
  config?: Record<string, unknown>;
  rootfs?: { type?: unknown; diff_ids?: string[] };
  history?: unknown[];
  created?: string;
}

/** The full name of a new image. Throws a BrunError (ERR_USAGE). */
function newName(text: string): string {
  const name = parseName(text);
  if (name.transport === "registry" && name.digest === undefined) {
    return nameText(candidates(name, registriesConf())[0] ?? name);
  }
  throw new BrunError(`"${text}" is no name for a new image`, {
    code: "ERR_USAGE",
    hint: "such as me/app:1",
  });
}

/**
 * Applies a --change of podman and docker: "CMD [\"sh\"]", "ENV A=1", "WORKDIR /srv", "USER 1000", "ENTRYPOINT
 * …", "LABEL a=b".
 * @throws BrunError (ERR_USAGE)
 */
function applyChange(config: Record<string, unknown>, text: string): void {
  const parts = /^([A-Za-z]+)[ =](.*)$/s.exec(text.trim());
  const [, word = "", value = ""] = parts ?? [];
  const list = () => {
    if (!value.startsWith("[")) return ["/bin/sh", "-c", value];
    try {
      const words = JSON.parse(value) as unknown;
      if (Array.isArray(words) && words.every((one) => typeof one === "string")) return words;
    } catch {
      // The error below covers bad JSON, too.
    }
    throw new BrunError(`"${value}" is no list of words`, {
      code: "ERR_USAGE",
      where: `--change ${word}`,
      hint: `${word} ["sh", "-c", "true"], or ${word} and a line for the shell`,
    });
  };
  switch (word.toUpperCase()) {
    case "CMD":
      config.Cmd = list();
      return;
    case "ENTRYPOINT":
      config.Entrypoint = list();
      return;
    case "ENV": {
      const name = value.slice(0, value.indexOf("="));
      const others = ((config.Env as string[] | undefined) ?? []).filter(
        (entry) => !entry.startsWith(`${name}=`),
      );
      config.Env = [...others, value];
      return;
    }
    case "WORKDIR":
      config.WorkingDir = value;
      return;
    case "USER":
      config.User = value;
      return;
    case "STOPSIGNAL":
      config.StopSignal = value;
      return;
    case "LABEL": {
      const equals = value.indexOf("=");
      config.Labels = {
        ...(config.Labels as object | undefined),
        [value.slice(0, equals)]: value.slice(equals + 1),
      };
      return;
    }
    default:
      throw new BrunError(`"${text}" is no change of an image`, {
        code: "ERR_USAGE",
        where: "--change",
        hint: "CMD, ENTRYPOINT, ENV, WORKDIR, USER, STOPSIGNAL or LABEL, and a value",
      });
  }
}

/**
 * Writes the config and the manifest of an image into the store, without a name. Throws a BrunError
 * (ERR_USAGE).
 */
function compose(
  store: ImageStore,
  name: string,
  json: ConfigJson,
  layers: readonly Descriptor[],
  changes: readonly string[],
): StoredImage {
  const config = { ...json.config };
  for (const change of changes) applyChange(config, change);
  const now = new Date().toISOString();
  const configBytes = utf8(JSON.stringify({ ...json, created: now, config }));
  const runs = parseImageConfig(configBytes, name);
  const digest = digestOf(configBytes);
  const manifest = utf8(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: { mediaType: MEDIA.config, digest, size: configBytes.length },
      layers,
    }),
  );
  const top = digestOf(manifest);
  store.blobs.write(digest, configBytes);
  store.blobs.write(top, manifest);
  const { platform, diffIds } = runs;
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  return { name, manifest: top, top, config: digest, runs, platform, size, diffIds, pulled: now };
}

/** Options for a new image. */
export interface MakeOptions {
  /** --change, as in podman and docker. */
  readonly changes: readonly string[];
  readonly platform?: Platform | undefined;
}

/**
 * Makes an image from an archive of a root file system, as `import` of podman and docker.
 * @throws BrunError if the archive cannot be unpacked
 */
export async function importImage(
  file: string,
  text: string,
  store: ImageStore,
  ids: UnpackIds,
  { changes, platform = ownPlatform() }: MakeOptions,
): Promise<StoredImage> {
  const name = newName(text);
  if (!exists(file))
    throw new BrunError(`there is no file ${file}`, { code: "ENOENT", hint: "a tar archive" });
  const fd = openFile(file, file);
  try {
    const { size } = fstat(fd);
    return await store.making(async () => {
      const { diffId, digest } = await store.unpack(ids, { fd, size, digest: null, diffId: null });
      await store.buildRoot(ids, [diffId]);
      const json = { ...platform, rootfs: { type: "layers", diff_ids: [diffId] } };
      const layers = [{ mediaType: typeOfLayer(fd), digest, size }];
      const image = compose(store, name, json, layers, changes);
      await store.change((images) => withImage(images, image));
      return image;
    });
  } catch (error) {
    throw storeError(error, file);
  } finally {
    close(fd);
  }
}

/** A running container. */
export interface CommittedContainer extends ImageContainer {
  readonly pid: number;
}

/**
 * Makes an image from a running container. The container's changes become one more layer.
 * @param text a name in the store, or files such as "oci:DIR:TAG"
 * @returns the digest of its manifest
 * @throws BrunError (ERR_STATE) if the container has no image, or the store does not have it any more
 */
export async function commitContainer(
  container: CommittedContainer,
  text: string,
  store: ImageStore,
  options: MakeOptions & { readonly push: PushOptions },
): Promise<string> {
  try {
    return await commit(container, text, store, options);
  } catch (error) {
    throw isFull(error) ? storeError(error, text) : error;
  }
}

async function commit(
  container: CommittedContainer,
  text: string,
  store: ImageStore,
  { changes, push: pushing }: MakeOptions & { readonly push: PushOptions },
): Promise<string> {
  const isFile = parseName(text).transport !== "registry";
  const name = isFile ? nameText(destinationName(text)) : newName(text);
  return store.making(async () => {
    const { base, place, ids } = baseOf(container, store);
    const json = parseJson(fromUtf8(base.config), container.id) as ConfigJson;
    const { digest, diffId, size } = await packLayer(container, place, store, ids);
    const diffIds = [...base.diffIds, diffId];
    if (!isFile) await store.buildRoot(ids, diffIds);
    const step = { created: new Date().toISOString(), created_by: `brun image commit ${container.id}` };
    const rootfs = { type: "layers", diff_ids: diffIds };
    const layers = [...base.manifest.layers, { mediaType: MEDIA.layerGzip, digest, size }];
    const config = { ...json, history: [...(json.history ?? []), step], rootfs };
    const image = compose(store, name, config, layers, changes);
    if (isFile) return push(image, text, store, pushing);
    await store.change((images) => withImage(images, image));
    return image.manifest;
  });
}

/** The image of a container, with the ids of its files. */
interface Base {
  readonly base: ImageDocuments;
  readonly ids: UnpackIds;
  /** The directory of its root, below the store. */
  readonly place: string;
}

/** The image of a container, also if its name leads to another one by now. Throws a BrunError (ERR_STATE). */
function baseOf(container: ImageContainer, store: ImageStore): Base {
  const image = imageOfContainer(container);
  if (image === null || image.manifest === null) {
    throw new BrunError(`container ${container.id} has no image`, {
      code: "ERR_STATE",
      hint: "run --image starts a container that has one",
    });
  }
  const base = store.blobs.image(image.manifest, image.manifest);
  const ids = findIds(({ name }) => name === image.ids);
  if (base !== null && ids !== undefined && rootPath(ids, base.diffIds) === image.place) {
    if (base.diffIds.every((diffId) => store.hasLayer(ids, diffId))) return { base, ids, place: image.place };
  }
  throw new BrunError(`the image of container ${container.id} is not in the store`, {
    code: "ERR_STATE",
    where: image.manifest,
    hint: base !== null && ids === undefined ? "your subordinate ids have changed" : "it has been removed",
  });
}

/** Packs the changes of a container, and unpacks them into the store. Throws a BrunError or SysError. */
async function packLayer(
  { pid }: CommittedContainer,
  place: string,
  store: ImageStore,
  ids: UnpackIds,
): Promise<PackedLayer> {
  const file = store.temporaryName("commit");
  const path = `${store.directory}/${file}`;
  const root = open(`/proc/${pid}/root/.`, O.RDONLY | O.DIRECTORY);
  try {
    const request = { do: "pack", base: `${place}/root`, file } as const;
    const answer = await store.ask(request, ids, root);
    if (!("packed" in answer)) throw new BrunError("the process that packs said nothing");
    const fd = open(path, O.RDONLY | O.NOFOLLOW);
    try {
      await store.unpack(ids, { fd, ...answer.packed });
    } finally {
      close(fd);
    }
    return answer.packed;
  } finally {
    close(root);
    unlink(path);
  }
}

/**
 * Copies an image's files into a directory. The copies may be written to.
 * @param root the image's root in the store
 * @param directory a descriptor of an empty directory
 * @throws BrunError
 */
export async function unpackImage(
  root: string,
  directory: number,
  store: ImageStore,
  ids: UnpackIds,
): Promise<void> {
  const relative = root.slice(store.directory.length + 1);
  await store.ask({ do: "copy", root: relative }, ids, directory);
}
