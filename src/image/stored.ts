/** The parts of the image store that a container's start needs: the names, and the places of files. */
import { BrunError } from "../errors.ts";
import { exists, readTextIfThere, variable } from "../host/ask.ts";
import { parseJson } from "../spec/json.ts";
import { chainId, hexOf } from "./digest.ts";
import type { UnpackIds } from "./ids.ts";
import type { ImageConfig } from "./manifest.ts";
import { type Platform, platformText } from "./platform.ts";

/** An image in the store, under a name. */
export interface StoredImage {
  /** The full name: "docker.io/library/debian:12". */
  readonly name: string;
  readonly manifest: string;
  /** The digest of the document to which the name led: the index, or the manifest itself. */
  readonly top: string;
  readonly config: string;
  /** The content of the config. */
  readonly runs: ImageConfig;
  readonly platform: Platform;
  /** The size of the layers in bytes, as in the manifest. */
  readonly size: number;
  readonly diffIds: readonly string[];
  /** The time of the pull, as ISO 8601. */
  readonly pulled: string;
}

/**
 * The store's directory: below $XDG_DATA_HOME or ~/.local/share, also for root. Containers without a bundle
 * cannot see it (ownDirectories of src/sandbox/own-state.ts). Throws a BrunError if neither is set.
 */
export function storeDirectory(): string {
  const data = variable("XDG_DATA_HOME");
  // Otherwise the store would be in the state directory, among the containers and under their cover.
  const isState = data !== undefined && (data === variable("XDG_RUNTIME_DIR") || data === "/run");
  if (data?.startsWith("/")) return `${data}/${isState ? "brun-images" : "brun/images"}`;
  const home = variable("HOME");
  if (home?.startsWith("/") && home !== "/") return `${home}/.local/share/brun/images`;
  throw new BrunError("there is no place for images: HOME is not set", {
    code: "ERR_STATE",
    hint: "set HOME, or XDG_DATA_HOME",
  });
}

/** Adds an image. It replaces the image of the same name and platform. */
export function withImage(images: readonly StoredImage[], image: StoredImage): readonly StoredImage[] {
  const platform = platformText(image.platform);
  const others = images.filter((one) => one.name !== image.name || platformText(one.platform) !== platform);
  return [...others, image];
}

/** The version of images.json. Another version belongs to another brun; its images are pulled again. */
export const RECORD_VERSION = 1;

export function recordPath(directory: string): string {
  return `${directory}/images.json`;
}

/** The images of a store. Throws a BrunError (ERR_STATE) if the record is damaged. */
export function readImages(directory: string): readonly StoredImage[] {
  const path = recordPath(directory);
  const text = readTextIfThere(path);
  if (text === null) return [];
  const damaged = () =>
    new BrunError(`${path} is damaged`, {
      code: "ERR_STATE",
      where: path,
      hint: "remove it, and pull the images again",
    });
  let json: { readonly version?: unknown; readonly images?: unknown } | null;
  try {
    json = parseJson(text, path) as typeof json;
  } catch {
    throw damaged();
  }
  // Only brun writes the record, in the caller's own directory. So the version is sufficient as a check.
  if (typeof json !== "object" || json === null || !Array.isArray(json.images)) throw damaged();
  return json.version === RECORD_VERSION ? (json.images as StoredImage[]) : [];
}

/** The directory of a layer, below the store. */
export function layerPath(ids: UnpackIds, diffId: string): string {
  return `layers/${ids.name}/${hexOf(diffId)}`;
}

/** The directory of the root that layers make together, below the store. One layer is its own root. */
export function rootPath(ids: UnpackIds, diffIds: readonly string[]): string {
  if (diffIds.length === 1) return layerPath(ids, diffIds[0]!);
  return `views/${ids.name}/${hexOf(chainId(diffIds))}`;
}

/** The root directory of a container with these layers; null if it has to be built. */
export function rootIfThere(directory: string, ids: UnpackIds, diffIds: readonly string[]): string | null {
  const path = `${directory}/${rootPath(ids, diffIds)}/root`;
  return exists(path) ? path : null;
}
