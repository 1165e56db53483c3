/** The two forms of a manifest, and what their parts are called: image-spec 1.1, and Docker's version 2, schema 2. */
import { parseJson } from "../spec/json.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { type Descriptor, type Manifest, MEDIA } from "./manifest.ts";

/** podman's names of them: `push --format`. */
export type ManifestFormat = "oci" | "v2s2";
export const MANIFEST_FORMATS: readonly ManifestFormat[] = ["oci", "v2s2"];

const DOCKER = "application/vnd.docker.";

/** Each part by both names; null where Docker has none. */
const NAMES: readonly (readonly [oci: string, docker: string | null])[] = [
  [MEDIA.manifest, MEDIA.dockerManifest],
  [MEDIA.config, `${DOCKER}container.image.v1+json`],
  [MEDIA.layer, `${DOCKER}image.rootfs.diff.tar`],
  [MEDIA.layerGzip, `${DOCKER}image.rootfs.diff.tar.gzip`],
  [MEDIA.layerZstd, null],
];

/** What a media type is called in a format; null when the format has nothing of the kind. */
export function mediaTypeIn(type: string, format: ManifestFormat): string | null {
  const names = NAMES.find((pair) => pair.includes(type));
  // What neither of them knows may be anybody's, and stays what it is.
  if (names === undefined) return type;
  return format === "oci" ? names[0] : names[1];
}

/** The format of a manifest. */
export function formatOf(bytes: Uint8Array): ManifestFormat {
  const { mediaType } = parseJson(fromUtf8(bytes), "manifest") as { mediaType?: unknown };
  return mediaType === MEDIA.dockerManifest ? "v2s2" : "oci";
}

/** The media type of a layer that begins like this. */
export function layerType(head: Uint8Array): string {
  if (head[0] === 0x1f && head[1] === 0x8b) return MEDIA.layerGzip;
  return head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd
    ? MEDIA.layerZstd
    : MEDIA.layer;
}

/**
 * A manifest in a format, with these layers: the same bytes when nothing is another.
 * @param from what is in `bytes`
 */
export function manifestWith(
  bytes: Uint8Array,
  from: Extract<Manifest, { kind: "manifest" }>,
  layers: readonly Descriptor[],
  format: ManifestFormat,
): Uint8Array {
  const isSame = (layer: Descriptor, i: number) =>
    layer.digest === from.layers[i]!.digest && layer.mediaType === from.layers[i]!.mediaType;
  if (format === formatOf(bytes) && layers.every(isSame)) return bytes;
  const json = parseJson(fromUtf8(bytes), "manifest") as {
    config: object;
    layers: readonly object[];
    annotations?: unknown;
  };
  const { annotations, ...rest } = json;
  return utf8(
    JSON.stringify({
      ...rest,
      mediaType: mediaTypeIn(MEDIA.manifest, format),
      config: { ...json.config, mediaType: mediaTypeIn(MEDIA.config, format) },
      layers: layers.map((layer, i) => {
        const { mediaType, digest, size } = layer;
        // What annotations say of a layer's bytes (eStargz, zstd:chunked) is true of those alone.
        return digest === from.layers[i]!.digest
          ? { ...json.layers[i], mediaType }
          : { mediaType, digest, size };
      }),
      ...(format === "oci" && annotations !== undefined && { annotations }),
    }),
  );
}
