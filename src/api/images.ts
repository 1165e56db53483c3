/** Images: what there is, and getting one without running it. */
import { call } from "./invoke.ts";
import type { CallOptions, RuntimeOptions } from "./runtime.ts";

/** An image that is there. */
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
  /** Of the layers as they were downloaded, in bytes. */
  readonly size: number;
  /** When it was pulled, as ISO 8601. */
  readonly pulled: string;
}

/** How an image is got; the flags of `brun image pull`. */
export interface PullOptions {
  /** "os/arch"; this machine's. */
  readonly platform?: string | undefined;
  /** Logins: auth.json of podman, config.json of docker. */
  readonly authfile?: string | undefined;
  /** Checks a registry's certificate; true. */
  readonly tlsVerify?: boolean | undefined;
}

/** The images that are there. */
export async function images(options: RuntimeOptions & CallOptions = {}): Promise<Image[]> {
  return JSON.parse(await call(options, ["image", "list", "--format", "json"]));
}

/**
 * Gets an image, or its newest state: `brun image pull`. A pull that is aborted goes on where it was with the next one.
 * @param name "debian:12", "oci:DIR:TAG"
 * @returns the digest of its manifest
 * @throws BrunError ERR_IMAGE_NOT_FOUND, ERR_UNAUTHORIZED, ERR_NETWORK, ERR_DIGEST, ERR_NO_SPACE
 */
export async function pull(
  name: string,
  options: PullOptions & RuntimeOptions & CallOptions = {},
): Promise<string> {
  const { platform, authfile, tlsVerify } = options;
  const flags = [
    ...(platform === undefined ? [] : [`--platform=${platform}`]),
    ...(authfile === undefined ? [] : [`--authfile=${authfile}`]),
    ...(tlsVerify === undefined ? [] : [`--tls-verify=${tlsVerify}`]),
  ];
  return (await call(options, ["image", "pull", "--quiet", ...flags, "--", name])).trim();
}
