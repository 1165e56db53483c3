/** Images: listing, pulling and pushing them without running a container. */
import type { ChildProcess } from "node:child_process";
import type { ImageEvent } from "../image/progress.ts";
import { Connection } from "./connection.ts";
import { call } from "./invoke.ts";
import type { CallOptions, RuntimeOptions } from "./runtime.ts";
import { checkSetting, SOME } from "./settings.ts";
import type { FromImage } from "./spec.ts";

/** An image in the store. */
export interface Image {
  /** "docker.io/library/debian:12". */
  readonly name: string;
  readonly id: string;
  /** Digest of what the name led to: of an index, or the manifest's own. */
  readonly digest: string;
  readonly manifest: string;
  readonly config: string;
  /** "linux/amd64". */
  readonly platform: string;
  /** Size of the layers as they were downloaded, in bytes. */
  readonly size: number;
  /** When it was pulled, as ISO 8601. */
  readonly pulled: string;
}

/** A login. The password may be a token. */
export interface Creds {
  readonly username: string;
  readonly password: string;
}

/** Options for connections to a registry. */
export interface RegistryOptions {
  /** Logins: auth.json of podman, config.json of docker. */
  readonly authfile?: string | undefined;
  /** The login for the registry of this image alone. It is not stored. */
  readonly creds?: Creds | undefined;
  /** Checks a registry's certificate; by default true. */
  readonly tlsVerify?: boolean | undefined;
  /** Is called with the progress. */
  readonly onProgress?: ((event: ImageEvent) => void) | undefined;
}

/** Options of {@link pull}: the flags of `brun image pull`. */
export interface PullOptions extends RegistryOptions {
  /** When the registry is asked; by default "always". */
  readonly policy?: "missing" | "always" | "newer" | "never" | undefined;
  /** "os/arch"; by default that of this machine. */
  readonly platform?: string | undefined;
}

/** Options of {@link push}: the flags of `brun image push`. */
export interface PushOptions extends RegistryOptions {
  /** Which of an image's platforms, if it has several; by default this machine's. */
  readonly platform?: string | undefined;
  /** Format of the manifest; by default the image's format, and "oci" in files. */
  readonly format?: "oci" | "v2s2" | undefined;
}

/** The images in the store. */
export async function images(options: RuntimeOptions & CallOptions = {}): Promise<Image[]> {
  return JSON.parse(await call(options, ["image", "list", "--format", "json"]));
}

/**
 * Pulls an image, or its newest state: `brun image pull`. The next pull continues one that was aborted.
 * @param name "debian:12", "oci:DIR:TAG"
 * @returns the digest of its manifest
 * @throws BrunError ERR_IMAGE_NOT_FOUND, ERR_PLATFORM, ERR_UNAUTHORIZED, ERR_RATE_LIMIT, ERR_NETWORK, ERR_TLS, ERR_DIGEST, ERR_ARCHIVE, ERR_UNSUPPORTED, ERR_IDS,
 * ERR_NO_SPACE
 */
export function pull(
  name: string,
  options: PullOptions & RuntimeOptions & CallOptions = {},
): Promise<string> {
  const { policy, platform } = options;
  return transfer(options, "pull", { policy, platform }, [name]);
}

/**
 * Writes an image to a registry or into files: `brun image push`.
 * @param name name or id of an image in the store
 * @param destination "ghcr.io/me/app:1", "oci:DIR:TAG"; undefined: its name
 * @returns the digest of the manifest there
 * @throws BrunError as {@link pull}
 */
export function push(
  name: string,
  destination?: string,
  options: PushOptions & RuntimeOptions & CallOptions = {},
): Promise<string> {
  const { format, platform } = options;
  return transfer(
    options,
    "push",
    { format, platform },
    destination === undefined ? [name] : [name, destination],
  );
}

/** Pulls the image of a container with a login of its own, since `brun run` has no flag for one. */
export async function pullWithCreds({
  image,
  pull: policy = "missing",
  platform,
  userns,
  ...options
}: FromImage & RuntimeOptions & CallOptions): Promise<void> {
  await transfer(options, "pull", { policy, platform, userns }, [image]);
}

async function transfer(
  options: RegistryOptions & RuntimeOptions & CallOptions,
  action: "pull" | "push",
  own: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Promise<string> {
  const { authfile, creds, tlsVerify, onProgress } = options;
  const login = creds && loginFlags(creds);
  const flags = Object.entries({ ...own, ...login, authfile, "tls-verify": tlsVerify }).flatMap(
    ([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`]),
  );
  const client =
    onProgress === undefined
      ? undefined
      : (child: ChildProcess) =>
          void new Connection(child, ["ignore", "ignore", "ignore"], undefined, onProgress);
  const extra = { client, ...(creds && { stdin: creds.password }) };
  return (await call(options, ["image", action, "--quiet", ...flags, "--", ...names], extra)).trim();
}

/** The password comes by stdin, since everybody can see the words of a process. */
function loginFlags(creds: Creds): Readonly<Record<string, string>> {
  checkSetting(SOME, "creds", creds);
  return { creds: creds.username, "password-stdin": "true" };
}
