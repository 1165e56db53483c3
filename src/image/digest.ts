/** Digests of content (image-spec, descriptor.md). */
import { CryptoHasher } from "bun";
import { utf8 } from "../sys/utf8.ts";

/** The algorithm of a digest: "sha256" for "sha256:…". */
export function algorithmOf(digest: string): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The part after the colon. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The part of a digest that is shown to users. */
export function shortDigest(digest: string): string {
  return hexOf(digest).slice(0, 12);
}

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array, algorithm: "sha256" | "sha512" = "sha256"): string {
  return `${algorithm}:${new CryptoHasher(algorithm).update(bytes).digest("hex")}`;
}

/** The identity of a stack of layers (config.md, "Layer ChainID"). */
export function chainId(diffIds: readonly string[]): string {
  const [first, ...rest] = diffIds;
  return rest.reduce(
    (chain, diffId) => digestOf(utf8(`${chain} ${diffId}`)),
    first ?? digestOf(new Uint8Array(0)),
  );
}
