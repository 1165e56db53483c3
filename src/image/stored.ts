/** What the image store has, as far as a container's start needs it: names, and where the files are. */
import { BrunError } from "../errors.ts";
import { exists, readTextIfThere, variable } from "../host/ask.ts";
import { parseJson } from "../spec/json.ts";
import { chainId, hexOf } from "./digest.ts";
import type { UnpackIds } from "./ids.ts";
import type { ImageConfig } from "./manifest.ts";
import { type Platform, platformText } from "./platform.ts";

/** An image that is there, under a name. */
export interface StoredImage {
  /** "docker.io/library/debian:12". */
  readonly name: string;
  readonly manifest: string;
  /** Digest of the index that the name led to, or the manifest's own. */
  readonly top: string;
  readonly config: string;
  /** What the config says. */
  readonly runs: ImageConfig;
  readonly platform: Platform;
  /** Bytes of the layers as they were read. */
  readonly size: number;
  readonly diffIds: readonly string[];
  /** When it was pulled, as ISO 8601. */
  readonly pulled: string;
}

/**
 * The store's directory: below $XDG_DATA_HOME or ~/.local/share, also root's. No container without a bundle sees it
 * (ownDirectories of src/sandbox/own-state.ts). Throws a BrunError when there is neither.
 */
export function storeDirectory(): string {
  const data = variable("XDG_DATA_HOME");
  // Not among the containers, and not covered with their state.
  const isState = data !== undefined && (data === variable("XDG_RUNTIME_DIR") || data === "/run");
  if (data?.startsWith("/")) return `${data}/${isState ? "brun-images" : "brun/images"}`;
  const home = variable("HOME");
  if (home?.startsWith("/") && home !== "/") return `${home}/.local/share/brun/images`;
  throw new BrunError("there is no place for images: HOME is not set", {
    code: "ERR_STATE",
    hint: "set HOME, or XDG_DATA_HOME",
  });
}

/** Images with one more, which takes the place of the one of its name and platform. */
export function withImage(images: readonly StoredImage[], image: StoredImage): readonly StoredImage[] {
  const platform = platformText(image.platform);
  const others = images.filter((one) => one.name !== image.name || platformText(one.platform) !== platform);
  return [...others, image];
}

/** Form of images.json; another one is of another brun, whose images are pulled again. */
export const RECORD_VERSION = 1;

export function recordPath(directory: string): string {
  return `${directory}/images.json`;
}

/** The images of a store. Throws a BrunError (ERR_STATE) when their record is damaged. */
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
  // It is written by brun alone, in the caller's own directory: its form is told by its version.
  if (typeof json !== "object" || json === null || !Array.isArray(json.images)) throw damaged();
  return json.version === RECORD_VERSION ? (json.images as StoredImage[]) : [];
}

/** A layer's place, below the store. */
export function layerPath(ids: UnpackIds, diffId: string): string {
  return `layers/${ids.name}/${hexOf(diffId)}`;
}

/** The place of the root that layers make together, below the store. One layer is its own root. */
export function rootPath(ids: UnpackIds, diffIds: readonly string[]): string {
  if (diffIds.length === 1) return layerPath(ids, diffIds[0]!);
  return `views/${ids.name}/${hexOf(chainId(diffIds))}`;
}

/** The directory that a container gets as its root; null when it has to be made. */
export function rootIfThere(directory: string, ids: UnpackIds, diffIds: readonly string[]): string | null {
  const path = `${directory}/${rootPath(ids, diffIds)}/root`;
  return exists(path) ? path : null;
}
