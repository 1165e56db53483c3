/** Which image a container has. */
import { isDigest } from "./image-name.ts";

/**
 * The annotation with the digest of the image's manifest. The image's name may lead to another image while the
 * container runs, and images with the same files may have different configs.
 */
export const IMAGE_ANNOTATION = "org.brun.image";

/** The part of a container's state that tells its image. */
export interface ImageContainer {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The image of a container. */
export interface ContainerImage {
  /** The directory of the layer or view below the store: "views/IDS/CHAINID". */
  readonly place: string;
  /** The name of the ids with which it was unpacked. */
  readonly ids: string;
  /** The digest of the manifest; null if the container was started by --rootfs. */
  readonly manifest: string | null;
}

/** The root of an image. The path of the store before it does not matter: a home may have several paths. */
const ROOT = /\/((?:layers|views)\/([^/]+)\/[0-9a-f]+)\/root$/;

/** The image of a container; null if its files are not an image's. */
export function imageOfContainer({ bundle, rootfs, annotations }: ImageContainer): ContainerImage | null {
  // With fuse-overlayfs the root is a mount point. With a config of --print-config the bundle is somewhere else.
  const [, place, ids] = ROOT.exec(bundle) ?? ROOT.exec(rootfs) ?? [];
  if (place === undefined || ids === undefined) return null;
  const digest = annotations?.[IMAGE_ANNOTATION];
  return { place, ids, manifest: digest !== undefined && isDigest(digest) ? digest : null };
}
