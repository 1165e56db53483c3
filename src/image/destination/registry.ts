/** Writes an image to a registry. */
import { digestOf } from "../digest.ts";
import { nameText, type RegistryName } from "../image-name.ts";
import type { Descriptor } from "../manifest.ts";
import { RegistryClient } from "../registry/client.ts";
import { pushEndpoint, type RegistriesConf } from "../registry/conf.ts";
import { credentialsFor } from "../registry/credentials.ts";
import { hasBlob, mountBlob, putManifest, uploadBlob } from "../registry/upload.ts";
import type { RegistryOptions } from "../source/registry.ts";
import type { Destination } from "./destination.ts";

export class RegistryDestination implements Destination {
  private readonly client: RegistryClient;

  /**
   * @param known for digests of blobs: repositories of the same registry that have the blob
   * Throws a BrunError if the registry is blocked, or a login is damaged.
   */
  constructor(
    private readonly name: RegistryName,
    conf: RegistriesConf,
    private readonly known: ReadonlyMap<string, readonly string[]>,
    { authFile, credentials, insecure, signal }: RegistryOptions,
  ) {
    const endpoint = pushEndpoint(name, conf);
    const push = [...new Set([...known.values()].flat())];
    this.client = new RegistryClient({
      endpoint,
      name: nameText(name),
      credentials: credentials ?? credentialsFor(name.domain, name.path, authFile),
      insecure,
      signal,
      push,
    });
  }

  async has(blob: Descriptor): Promise<boolean> {
    if (await hasBlob(this.client, blob)) return true;
    for (const repository of this.known.get(blob.digest) ?? []) {
      if (await mountBlob(this.client, blob.digest, repository)) return true;
    }
    return false;
  }

  put(blob: Descriptor, fd: number, progress: (bytes: number) => void): Promise<void> {
    return uploadBlob(this.client, blob, fd, progress);
  }

  manifest(bytes: Uint8Array, mediaType: string): Promise<void> {
    return putManifest(this.client, this.name.tag ?? digestOf(bytes), bytes, mediaType);
  }

  close(): void {}
}
