/** The two formats of a manifest with their media types: image-spec 1.1, and Docker's version 2, schema 2. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { parseJson } from "../spec/json.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { shortDigest } from "./digest.ts";
import { type Descriptor, type Manifest, MEDIA } from "./manifest.ts";

/** podman's names of the formats: `push --format`. */
export type ManifestFormat = "oci" | "v2s2";
export const MANIFEST_FORMATS: readonly ManifestFormat[] = ["oci", "v2s2"];

const DOCKER = "application/vnd.docker.";

/** The media types of each part in both formats; null if Docker has none. */
const NAMES: readonly (readonly [oci: string, docker: string | null])[] = [
  [MEDIA.manifest, MEDIA.dockerManifest],
  [MEDIA.config, `${DOCKER}container.image.v1+json`],
  [MEDIA.layer, `${DOCKER}image.rootfs.diff.tar`],
  [MEDIA.layerGzip, `${DOCKER}image.rootfs.diff.tar.gzip`],
  [MEDIA.layerZstd, null],
];

/** The media type of a part in a format. Null if the format has none for such a part. */
export function mediaTypeIn(type: string, format: ManifestFormat): string | null {
  const names = NAMES.find((pair) => pair.includes(type));
  // An unknown media type is kept.
  if (names === undefined) return type;
  return format === "oci" ? names[0] : names[1];
}

/** The format of a manifest. */
export function formatOf(bytes: Uint8Array): ManifestFormat {
  const { mediaType } = parseJson(fromUtf8(bytes), "manifest") as { mediaType?: unknown };
  return mediaType === MEDIA.dockerManifest ? "v2s2" : "oci";
}

/**
 * The media types of layers that are unpacked. They include Docker's foreign layers and OCI's nondistributable
 * ones.
 */
const UNPACKED =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd))?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(?:gzip|zstd))?)$/;

/**
 * Refuses a layer that cannot be unpacked.
 * @throws BrunError (ERR_UNSUPPORTED) with the media type
 */
export function checkLayerType({ mediaType, digest }: Descriptor, where: string): void {
  // If there is no media type, checkCompression() looks at the bytes.
  if (mediaType === "" || UNPACKED.test(mediaType)) return;
  const layer = `${where}: layer ${shortDigest(digest)}`;
  const encrypted = mediaType.endsWith("+encrypted");
  throw new BrunError(`${layer} has the media type ${quoted(mediaType)}, which brun does not unpack`, {
    code: "ERR_UNSUPPORTED",
    where: layer,
    hint: encrypted
      ? "it is encrypted: skopeo copy --decryption-key KEY … oci:DIR decrypts it"
      : "skopeo copy --dest-compress … oci:DIR packs it anew",
  });
}

/** The first bytes of files with unsupported compressions, and the programs that uncompress them. */
const FOREIGN: readonly (readonly [magic: readonly number[], name: string, program: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz", "xz -d"],
  [[0x5d, 0x00, 0x00], "lzma", "xz -d --format=lzma"],
  [[0x42, 0x5a, 0x68], "bzip2", "bzip2 -d"],
  [[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -d"],
];

/** Refuses bytes that are compressed, but not by gzip or zstd. Throws a BrunError (ERR_UNSUPPORTED). */
export function checkCompression(head: Uint8Array): void {
  const found = FOREIGN.find(([magic]) => magic.every((byte, i) => head[i] === byte));
  if (found === undefined) return;
  throw new BrunError(`the layer is compressed by ${found[1]}, and not by gzip or zstd`, {
    code: "ERR_UNSUPPORTED",
    hint: `${found[2]} uncompresses it`,
  });
}

/** The number of bytes that {@link compressionOf} needs. */
export const MAGIC_SIZE = 4;

/** The compression of a file by its first bytes; null if it is not compressed. Media types are often wrong. */
export function compressionOf(head: Uint8Array): "gzip" | "zstd" | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.length < MAGIC_SIZE) return null;
  const magic = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  // RFC 8878: a frame, or a skippable frame, with which pzstd's files begin.
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? "zstd" : null;
}

const LAYERS = { gzip: MEDIA.layerGzip, zstd: MEDIA.layerZstd } as const;

/** The media type of a layer by its first bytes. */
export function layerType(head: Uint8Array): string {
  const compression = compressionOf(head);
  return compression === null ? MEDIA.layer : LAYERS[compression];
}

/**
 * Makes a manifest in a format and with these layers. Returns the same bytes if nothing changes.
 * @param from the parsed manifest in `bytes`
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
        // Annotations about the bytes of a layer (eStargz, zstd:chunked) are wrong for other bytes.
        return digest === from.layers[i]!.digest
          ? { ...json.layers[i], mediaType }
          : { mediaType, digest, size };
      }),
      ...(format === "oci" && annotations !== undefined && { annotations }),
    }),
  );
}
