/**
 * Names of images in Docker's grammar (distribution/reference, containers-transports(5)). `debian` is
 * docker.io/library/debian:latest. A transport can precede the name: `oci:DIR[:TAG]`,
 * `docker-archive:FILE[:TAG]`.
 */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";

/** An image in a registry. */
export interface RegistryName {
  readonly transport: "registry";
  /** Host and port, such as "docker.io" or "localhost:5000". */
  readonly domain: string;
  /** Such as "library/debian". */
  readonly path: string;
  /** Undefined only if there is a digest. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
  /** The name had no domain. registries.conf has the registries for such names. */
  readonly short: boolean;
}

const FILE_TRANSPORTS = ["oci", "oci-archive", "docker-archive", "dir"] as const;

/** An image in files. */
export interface FileName {
  readonly transport: (typeof FILE_TRANSPORTS)[number];
  /** The path, as it was given. */
  readonly path: string;
  /** The image's name in the files; undefined if the files have only one image. */
  readonly tag: string | undefined;
}

export type ImageName = RegistryName | FileName;

const DEFAULT_DOMAIN = "docker.io";
const OFFICIAL = "library/";
const LEGACY_DOMAIN = "index.docker.io";
const NAME_MAX = 255;
/** More than the maximum of name, tag and digest together. */
const TEXT_MAX = 1024;
const SHOWN = 40;

const DOMAIN =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const HEX_ID = /^[0-9a-f]{64}$/;

/** Whether a text is a digest by an algorithm that brun checks: sha256 or sha512. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/**
 * Parses a name.
 * @throws BrunError (ERR_USAGE) if it is invalid
 */
export function parseName(text: string): ImageName {
  const colon = text.indexOf(":");
  const transport = FILE_TRANSPORTS.find((name) => name === text.slice(0, Math.max(colon, 0)));
  // docker takes "oci:12" for the repository "oci" with a tag, and podman for a directory. brun follows podman.
  if (transport !== undefined) return fileName(transport, text.slice(colon + 1), text);
  return registryName(text.startsWith("docker://") ? text.slice("docker://".length) : text);
}

function fileName(transport: FileName["transport"], rest: string, text: string): FileName {
  // As in podman, the path ends at the first colon. The rest may be a full name with a tag.
  const colon = transport === "dir" ? -1 : rest.indexOf(":");
  const divided = colon >= 0;
  const path = divided ? rest.slice(0, colon) : rest;
  if (path === "")
    throw wrong(text, "there is no path in it", `${transport}:PATH${transport === "dir" ? "" : "[:TAG]"}`);
  return { transport, path, tag: (divided && rest.slice(colon + 1)) || undefined };
}

function registryName(text: string): RegistryName {
  if (text === "") throw wrong(text, "it is empty", "such as debian:12");
  if (text.length > TEXT_MAX)
    throw wrong(`${text.slice(0, SHOWN)}…`, `it has ${text.length} characters`, undefined);
  if (HEX_ID.test(text)) throw wrong(text, "it looks like the id of an image", "name the image instead");
  let rest = text;
  let digest: string | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!DIGEST.test(digest))
      throw wrong(text, "the digest is none", "sha256: and 64 hexadecimal digits follow the @");
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon >= 0 && !rest.slice(colon).includes("/")) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!TAG.test(tag)) throw wrong(text, "the tag is none", "letters, digits, _, . and -, at most 128");
  }
  const slash = rest.indexOf("/");
  const first = slash < 0 ? "" : rest.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === "localhost" || /[A-Z]/.test(first);
  const given = isDomain ? first : DEFAULT_DOMAIN;
  const domain = given === LEGACY_DOMAIN ? DEFAULT_DOMAIN : given;
  let path = isDomain ? rest.slice(slash + 1) : rest;
  if (!DOMAIN.test(domain))
    throw wrong(text, `${quoted(domain)} is no host of a registry`, "HOST[:PORT]/NAME");
  if (!PATH.test(path)) {
    const lower = path.toLowerCase();
    const hint = PATH.test(lower)
      ? `names are in small letters: ${text.replace(path, lower)}`
      : "such as debian:12";
    throw wrong(
      text,
      PATH.test(lower) ? "it has capital letters" : "it has a character or form that names do not have",
      hint,
    );
  }
  if (domain === DEFAULT_DOMAIN && !path.includes("/")) path = `${OFFICIAL}${path}`;
  if (domain.length + 1 + path.length > NAME_MAX)
    throw wrong(text, `it is longer than ${NAME_MAX} characters`, undefined);
  return {
    transport: "registry",
    domain,
    path,
    tag: tag ?? (digest === undefined ? "latest" : undefined),
    digest,
    short: !isDomain,
  };
}

function wrong(text: string, why: string, hint: string | undefined): BrunError {
  return new BrunError(`${quoted(text)} is no name of an image: ${why}`, { code: "ERR_USAGE", hint });
}

/** The full name: "docker.io/library/debian:12". */
export function nameText(name: ImageName): string {
  if (name.transport !== "registry") {
    return `${name.transport}:${name.path}${name.tag === undefined ? "" : `:${name.tag}`}`;
  }
  const { domain, path, tag, digest } = name;
  return `${domain}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/**
 * Whether a word in the place of a container's id is an image's name. Ids have none of these characters. Paths
 * such as "./x" and "/x" are no names.
 */
export function isNameOfImage(word: string): boolean {
  if (!/[/:@]/.test(word)) return false;
  try {
    parseName(word);
    return true;
  } catch {
    return false;
  }
}
