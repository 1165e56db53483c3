/** Looks an image up in the store for `run --image`, without the code of pulls. */
import type { UsernsMode } from "../modes.ts";
import { unpackIds } from "./ids.ts";
import { type ImageName, nameText, parseName, type RegistryName } from "./image-name.ts";
import type { ImageConfig } from "./manifest.ts";
import { type Platform, rank, runsOn } from "./platform.ts";
import { candidates, registriesConf } from "./registry/conf.ts";
import { readImages, rootIfThere, type StoredImage, storeDirectory } from "./stored.ts";

/** An image that can be run. */
export interface ReadyImage {
  readonly image: StoredImage;
  readonly config: ImageConfig;
  /** The directory with its files. */
  readonly root: string;
}

/**
 * The images with a name. If there is none and the name has a digest, the images of the repository with that
 * digest, whatever their tag.
 */
export function imagesOf(name: ImageName, images: readonly StoredImage[]): readonly StoredImage[] {
  const text = nameText(name);
  const found = images.filter((image) => image.name === text);
  if (found.length > 0 || name.transport !== "registry" || name.digest === undefined) return found;
  const { domain, path, digest } = name;
  return images.filter(
    (image) =>
      (image.top === digest || image.manifest === digest) &&
      image.name.replace(/(?::[^/:@]+)?(?:@.*)?$/, "") === `${domain}/${path}`,
  );
}

/** The first stored image of some names that runs on a platform. */
export function findStored(
  names: readonly RegistryName[],
  images: readonly StoredImage[],
  platform: Platform,
): StoredImage | undefined {
  for (const name of names) {
    const [found] = imagesOf(name, images)
      .filter((image) => runsOn(image.platform, platform))
      .sort((a, b) => rank(a.platform, platform) - rank(b.platform, platform));
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The stored image of a registry's name with its root. Null if a part is missing, and for images in files,
 * which may have changed.
 * @throws BrunError if the name is invalid or the store is damaged
 */
export function cachedImage(
  text: string,
  platform: Platform,
  userns: UsernsMode,
  rootless: boolean | "auto",
): ReadyImage | null {
  const name = parseName(text);
  if (name.transport !== "registry") return null;
  const directory = storeDirectory();
  const images = readImages(directory);
  const image =
    images.length === 0 ? undefined : findStored(candidates(name, registriesConf()), images, platform);
  if (image === undefined) return null;
  const root = rootIfThere(directory, unpackIds(userns, rootless), image.diffIds);
  return root === null ? null : { image, config: image.runs, root };
}
