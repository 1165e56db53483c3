/** Makes images for tests, as blobs for a registry or an OCI layout. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { utf8 } from "../../sys/utf8.ts";
import { digestOf, hexOf } from "../digest.ts";
import { MEDIA } from "../manifest.ts";
import { type TestEntry, tarOf } from "./tar.ts";

export interface TestImage {
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly string[];
  readonly diffIds: readonly string[];
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

/** The compression of a layer. */
export type Packing = "gzip" | "zstd" | "none" | "gzip members";

export interface TestImageOptions {
  readonly config?: Record<string, unknown>;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly packing?: Packing;
  /** The media type of the layers in the manifest. */
  readonly layerType?: string;
}

/** A compressed layer, with the digest of its uncompressed bytes. */
export interface PackedTestLayer {
  readonly packed: Uint8Array;
  readonly diffId: string;
}

/** @param layers each as entries, or as the bytes of an archive */
export function imageOf(
  layers: readonly (readonly TestEntry[] | Uint8Array)[],
  options: TestImageOptions = {},
): TestImage {
  const archives = layers.map((layer) => (layer instanceof Uint8Array ? layer : tarOf(layer)));
  return imageOfPacked(
    archives.map((archive) => ({
      packed: pack(archive, options.packing ?? "gzip"),
      diffId: digestOf(archive),
    })),
    options,
  );
}

export function imageOfPacked(layers: readonly PackedTestLayer[], options: TestImageOptions = {}): TestImage {
  const blobs = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return digest;
  };
  const packed = layers.map((layer) => layer.packed);
  const diffIds = layers.map(({ diffId }) => diffId);
  const platform = options.platform ?? {
    os: "linux",
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
  };
  const config = utf8(
    JSON.stringify({
      ...platform,
      config: options.config ?? {},
      rootfs: { type: "layers", diff_ids: diffIds },
    }),
  );
  const manifest = utf8(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: { mediaType: MEDIA.config, digest: put(config), size: config.length },
      layers: packed.map((bytes) => ({
        mediaType: options.layerType ?? MEDIA.layerGzip,
        digest: put(bytes),
        size: bytes.length,
      })),
    }),
  );
  return {
    manifest: put(manifest),
    config: digestOf(config),
    layers: packed.map((bytes) => digestOf(bytes)),
    diffIds,
    blobs,
  };
}

function pack(archive: Uint8Array, packing: Packing): Uint8Array {
  if (packing === "none") return archive;
  if (packing === "zstd") return zstdCompressSync(archive);
  if (packing === "gzip") return gzipSync(archive);
  // Two members of gzip, as pigz and eStargz write them.
  const half = archive.length >> 1;
  return Buffer.concat([gzipSync(archive.subarray(0, half)), gzipSync(archive.subarray(half))]);
}

/** Writes an OCI layout with images by tag, readable for all users. */
export function writeLayout(directory: string, images: Readonly<Record<string, TestImage>>): void {
  mkdirSync(`${directory}/blobs/sha256`, { recursive: true });
  writeFileSync(`${directory}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  const manifests = Object.entries(images).map(([tag, image]) => {
    for (const [digest, bytes] of image.blobs)
      writeFileSync(`${directory}/blobs/sha256/${hexOf(digest)}`, bytes);
    const size = image.blobs.get(image.manifest)!.length;
    const annotations = { "org.opencontainers.image.ref.name": tag };
    return { mediaType: MEDIA.manifest, digest: image.manifest, size, annotations };
  });
  writeFileSync(`${directory}/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
  execFileSync("chmod", ["-R", "a+rX", directory]);
}
