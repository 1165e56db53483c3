/** The two forms of a manifest, and what their parts are called: image-spec 1.1, and Docker's version 2, schema 2. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { parseJson } from "../spec/json.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { shortDigest } from "./digest.ts";
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

/** Layers that are read: also Docker's foreign ones, and OCI's that may not be distributed, where somebody has them. */
const UNPACKED =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd))?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(?:gzip|zstd))?)$/;

/**
 * Refuses layers that cannot be unpacked.
 * @throws BrunError (ERR_UNSUPPORTED) with the media type
 */
export function checkLayerType({ mediaType, digest }: Descriptor, where: string): void {
  // Without one what the bytes are tells.
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

/** How files begin that are compressed in a way that is not read, and what uncompresses them. */
const FOREIGN: readonly (readonly [magic: readonly number[], name: string, program: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz", "xz -d"],
  [[0x5d, 0x00, 0x00], "lzma", "xz -d --format=lzma"],
  [[0x42, 0x5a, 0x68], "bzip2", "bzip2 -d"],
  [[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -d"],
];

/** Refuses bytes that are compressed otherwise than by gzip or zstd. Throws a BrunError (ERR_UNSUPPORTED). */
export function checkCompression(head: Uint8Array): void {
  const found = FOREIGN.find(([magic]) => magic.every((byte, i) => head[i] === byte));
  if (found === undefined) return;
  throw new BrunError(`the layer is compressed by ${found[1]}, and not by gzip or zstd`, {
    code: "ERR_UNSUPPORTED",
    hint: `${found[2]} uncompresses it`,
  });
}

/** As many bytes of a file as {@link compressionOf} looks at. */
export const MAGIC_SIZE = 4;

/** How a file that begins like this is compressed; null when it is not. What media types say is often wrong. */
export function compressionOf(head: Uint8Array): "gzip" | "zstd" | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.length < MAGIC_SIZE) return null;
  const magic = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  // RFC 8878: a frame, or one to be skipped, as pzstd begins with.
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? "zstd" : null;
}

const LAYERS = { gzip: MEDIA.layerGzip, zstd: MEDIA.layerZstd } as const;

/** The media type of a layer that begins like this. */
export function layerType(head: Uint8Array): string {
  const compression = compressionOf(head);
  return compression === null ? MEDIA.layer : LAYERS[compression];
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
