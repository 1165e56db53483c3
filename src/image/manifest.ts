/** Manifests, indexes and configs of images: image-spec 1.1 and Docker's image manifest version 2, schema 2. */
import * as v from "valibot";
import { BrunError } from "../errors.ts";
import { parseJson } from "../spec/json.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { isDigest } from "./image-name.ts";
import type { Platform } from "./platform.ts";

export const MEDIA = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerSchema1: "application/vnd.docker.distribution.manifest.v1+prettyjws",
} as const;

/** The maximum size of a manifest or config, in bytes (registries accept 4 MiB). */
export const DOCUMENT_MAX = 4 << 20;

const digest = v.pipe(v.string(), v.check(isDigest, "no digest by sha256 or sha512"));
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const strings = v.record(v.string(), v.string());
const absent = <const T extends v.GenericSchema>(schema: T) => v.optional(v.nullable(schema));

const platform = v.object({ os: v.string(), architecture: v.string(), variant: absent(v.string()) });

const descriptor = v.object({
  mediaType: v.optional(v.string(), ""),
  digest,
  size,
  platform: absent(platform),
  annotations: absent(strings),
  urls: absent(v.array(v.string())),
});

const indexSchema = v.object({ manifests: v.array(descriptor), annotations: absent(strings) });
const manifestSchema = v.object({
  config: descriptor,
  layers: v.array(descriptor),
  annotations: absent(strings),
});

const words = v.array(v.string());
const configSchema = v.object({
  created: absent(v.string()),
  architecture: v.optional(v.string(), ""),
  os: v.optional(v.string(), "linux"),
  variant: absent(v.string()),
  config: absent(
    v.object({
      User: absent(v.string()),
      Env: absent(words),
      Entrypoint: absent(words),
      Cmd: absent(words),
      WorkingDir: absent(v.string()),
      Volumes: absent(v.record(v.string(), v.unknown())),
      ExposedPorts: absent(v.record(v.string(), v.unknown())),
      Labels: absent(strings),
      StopSignal: absent(v.string()),
    }),
  ),
  rootfs: v.object({ diff_ids: v.array(digest) }),
  history: absent(v.array(v.object({ created_by: absent(v.string()), empty_layer: absent(v.boolean()) }))),
});

/** A reference to a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A manifest of one image, or an index of images for several platforms. */
export type Manifest =
  | { readonly kind: "manifest"; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] };

/** The config of an image (config.md). Absent fields have their defaults. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly created: string | null;
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly volumes: readonly string[];
  readonly exposedPorts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string | null;
  readonly diffIds: readonly string[];
}

/**
 * Reads a manifest or an index.
 * @param mediaType according to the transport; the document's own media type takes precedence
 * @throws BrunError (ERR_ARCHIVE) if it is neither
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, where: string): Manifest {
  const json = document(bytes, where);
  const type = typeof json.mediaType === "string" && json.mediaType !== "" ? json.mediaType : mediaType;
  if (json.schemaVersion === 1 || type.startsWith("application/vnd.docker.distribution.manifest.v1+")) {
    throw new BrunError(`${where} has Docker's first manifest format, which is not supported any more`, {
      code: "ERR_ARCHIVE",
      where,
      hint: "push the image again with a newer tool",
    });
  }
  if (json.schemaVersion !== undefined && json.schemaVersion !== 2) {
    throw new BrunError(`${where} has schemaVersion ${String(json.schemaVersion)}`, {
      code: "ERR_ARCHIVE",
      where,
    });
  }
  // A document that is both an image and an index is refused (CVE-2021-41190).
  if (json.manifests !== undefined && (json.layers !== undefined || json.config !== undefined)) {
    throw new BrunError(`${where} is both an image and an index`, { code: "ERR_ARCHIVE", where });
  }
  const isIndex = type === MEDIA.index || type === MEDIA.dockerIndex || json.manifests !== undefined;
  if (isIndex) {
    const { manifests } = parsed(indexSchema, json, where);
    return { kind: "index", manifests: manifests.map(toDescriptor) };
  }
  if (json.config === undefined) {
    throw new BrunError(`${where} is no image${type === "" ? "" : `: its type is ${type}`}`, {
      code: "ERR_ARCHIVE",
      where,
    });
  }
  const { config, layers } = parsed(manifestSchema, json, where);
  return { kind: "manifest", config: toDescriptor(config), layers: layers.map(toDescriptor) };
}

/**
 * Reads an image's config.
 * @throws BrunError (ERR_ARCHIVE)
 */
export function parseImageConfig(bytes: Uint8Array, where: string): ImageConfig {
  const json = parsed(configSchema, document(bytes, where), where);
  const { config } = json;
  return {
    platform: {
      os: json.os,
      architecture: json.architecture,
      ...(json.variant && { variant: json.variant }),
    },
    created: json.created ?? null,
    user: config?.User ?? "",
    env: config?.Env ?? [],
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    workingDir: config?.WorkingDir ?? "",
    volumes: Object.keys(config?.Volumes ?? {}),
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
    labels: config?.Labels ?? {},
    stopSignal: config?.StopSignal || null,
    diffIds: json.rootfs.diff_ids,
  };
}

/** Parses JSON of an image. Throws a BrunError (ERR_ARCHIVE). */
export function imageJson(bytes: Uint8Array, where: string): unknown {
  try {
    return parseJson(fromUtf8(bytes), where);
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    throw new BrunError(`${where} is no JSON: ${error.message}`, {
      code: "ERR_ARCHIVE",
      where,
      cause: error,
    });
  }
}

function document(bytes: Uint8Array, where: string): Record<string, unknown> {
  const json = imageJson(bytes, where);
  if (typeof json === "object" && json !== null && !Array.isArray(json))
    return json as Record<string, unknown>;
  throw new BrunError(`${where} is no JSON object`, { code: "ERR_ARCHIVE", where });
}

function parsed<const T extends v.GenericSchema>(schema: T, json: unknown, where: string): v.InferOutput<T> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new BrunError(`${path === null ? "" : `${path}: `}${issue.message}`, { code: "ERR_ARCHIVE", where });
}

function toDescriptor(one: v.InferOutput<typeof descriptor>): Descriptor {
  const { mediaType, digest, size, platform, annotations } = one;
  return {
    mediaType,
    digest,
    size,
    ...(platform && { platform: { ...platform, variant: platform.variant ?? undefined } }),
    ...(annotations && { annotations }),
  };
}
