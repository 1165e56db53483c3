/** Pulls an image from a registry or one of its mirrors. A download that broke off is continued. */
import { CryptoHasher } from "bun";
import { BrunError } from "../../errors.ts";
import { check, isFull } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, fstat, O, open, tryStat, unlink, writeFd } from "../../sys/fs.ts";
import { algorithmOf, shortDigest } from "../digest.ts";
import { nameText, type RegistryName } from "../image-name.ts";
import { type Descriptor, DOCUMENT_MAX } from "../manifest.ts";
import { RegistryClient } from "../registry/client.ts";
import { endpoints, type RegistriesConf } from "../registry/conf.ts";
import { type Credentials, credentialsFor } from "../registry/credentials.ts";
import { bodyOf, smallBody } from "../registry/http.ts";
import { freeSpace, SPACE_HINT } from "../room.ts";
import { sizeText } from "../size.ts";
import type { ImageStore } from "../store.ts";
import { verified } from "./layout.ts";
import type { Document, LayerFile, Source } from "./source.ts";

/** Options of access to a registry. */
export interface RegistryOptions {
  /** --authfile. */
  readonly authFile: string | undefined;
  /** --creds: the login for the registry in the name. */
  readonly credentials?: Credentials | undefined;
  /** --tls-verify=false. */
  readonly insecure: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The maximum number of tries without progress. */
const TRIES = 5;

/** One image. */
export class RegistrySource implements Source {
  /** The client of the first endpoint that has answered. */
  private client: RegistryClient | null = null;

  constructor(
    private readonly name: RegistryName,
    private readonly conf: RegistriesConf,
    private readonly store: ImageStore,
    private readonly options: RegistryOptions,
  ) {}

  async top(): Promise<Document> {
    const reference = this.name.digest ?? this.name.tag!;
    const document = await this.firstOf((client) => client.manifest(reference));
    if (this.name.digest !== undefined) verified(document.bytes, this.name.digest, nameText(this.name));
    return document;
  }

  /** The current digest of the tag. Null if the registry does not send it. Throws a BrunError. */
  async currentDigest(): Promise<string | null> {
    if (this.name.digest !== undefined) return this.name.digest;
    return this.firstOf((client) => client.digest(this.name.tag!));
  }

  async manifest(descriptor: Descriptor): Promise<Document> {
    const { bytes, mediaType } = await this.firstOf((client) => client.manifest(descriptor.digest));
    return {
      bytes: verified(bytes, descriptor.digest, nameText(this.name)),
      mediaType: descriptor.mediaType || mediaType,
    };
  }

  async config({ digest, size }: Descriptor): Promise<Uint8Array> {
    if (size > DOCUMENT_MAX)
      throw new BrunError(`${nameText(this.name)} has a config of ${size} bytes`, {
        code: "ERR_ARCHIVE",
        where: nameText(this.name),
      });
    const response = await this.firstOf((client) => client.blob(digest, 0));
    return verified(
      await smallBody(response, DOCUMENT_MAX, nameText(this.name)),
      digest,
      nameText(this.name),
    );
  }

  async layer(descriptor: Descriptor, progress: (bytes: number) => void): Promise<LayerFile> {
    const { digest, size } = descriptor;
    const path = this.store.partialPath(digest);
    const fd = open(path, O.RDWR | O.CREAT | O.NOFOLLOW, 0o600);
    return {
      fd,
      size,
      digest,
      arrival: {
        path: path.slice(this.store.directory.length + 1),
        download: async (more) => {
          let last = 0;
          let hadOthers = false;
          await this.download(descriptor, fd, (bytes) => {
            hadOthers ||= bytes < last;
            last = bytes;
            progress(bytes);
            more();
          });
          return { hadOthers };
        },
      },
      release: (unpacked) => {
        close(fd);
        if (unpacked) unlink(path);
      },
    };
  }

  /**
   * Checks that there is room for the download. The unpacked image takes no less.
   * @throws BrunError (ERR_NO_SPACE) with the number of missing bytes
   */
  checkSpace(layers: readonly Descriptor[]): void {
    const { store } = this;
    const where = nameText(this.name);
    const have = (digest: string) => {
      const stat = tryStat(store.partialPath(digest));
      return typeof stat === "number" ? 0 : stat.size;
    };
    const wanted = layers.reduce((sum, { digest, size }) => sum + Math.max(0, size - have(digest)), 0);
    const free = freeSpace(store.directory).bytes;
    if (wanted <= free) return;
    throw new BrunError(
      `${where} needs ${sizeText(wanted)} and more in ${store.directory}, where ${sizeText(free)} are free: ${sizeText(wanted - free)} are missing`,
      { code: "ERR_NO_SPACE", where, hint: SPACE_HINT },
    );
  }

  close(): void {}

  /** Asks the endpoints in turn, and stays with the first that has the image. */
  private async firstOf<T>(ask: (client: RegistryClient) => Promise<T>): Promise<T> {
    if (this.client !== null) return ask(this.client);
    const { name, conf, options } = this;
    let last: unknown;
    for (const endpoint of endpoints(name, conf)) {
      // The login is that of the endpoint, which can differ from the registry in the name.
      const given = endpoint.domain === name.domain ? options.credentials : undefined;
      const credentials = given ?? credentialsFor(endpoint.domain, endpoint.repository, options.authFile);
      const client = new RegistryClient({
        endpoint,
        name: nameText(name),
        credentials,
        insecure: options.insecure,
        signal: options.signal,
      });
      try {
        const answer = await ask(client);
        this.client = client;
        return answer;
      } catch (error) {
        if (options.signal?.aborted) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** Downloads a blob into a file, which may have its beginning already. */
  private async download(
    descriptor: Descriptor,
    fd: number,
    progress: (bytes: number) => void,
  ): Promise<void> {
    const { digest, size } = descriptor;
    const where = `${nameText(this.name)}: layer ${shortDigest(digest)}`;
    let damaged = false;
    for (let tries = 0; ; ) {
      const before = Math.min(fstat(fd).size, size);
      try {
        const found = await this.goOn(descriptor, fd, before, progress, where);
        if (found === digest) return;
      } catch (error) {
        const passes = error instanceof BrunError && error.code === "ERR_NETWORK";
        if (this.options.signal?.aborted || !passes) throw spaceError(error, where);
        tries = fstat(fd).size > before ? 0 : tries + 1;
        if (tries >= TRIES) throw error;
        continue;
      }
      // The beginning in the file may be wrong: download the blob once more from its first byte.
      truncate(fd, 0);
      progress(0);
      if (damaged) {
        throw new BrunError(`${where} is damaged: what was downloaded is not what its digest says`, {
          code: "ERR_DIGEST",
          where,
          hint: "a proxy or the registry changes the bytes",
        });
      }
      damaged = true;
    }
  }

  /**
   * Downloads the missing part of a blob.
   * @param have the number of bytes in the file
   * @returns the digest of the file afterwards
   */
  private async goOn(
    { digest, size }: Descriptor,
    fd: number,
    have: number,
    progress: (bytes: number) => void,
    where: string,
  ): Promise<string> {
    const text = (hasher: CryptoHasher) => `${algorithmOf(digest)}:${hasher.digest("hex")}`;
    let at = have;
    progress(at);
    if (at === size) {
      return text(hashBeginning(fd, size, digest));
    }
    const response = await this.firstOf((client) => client.blob(digest, at));
    const start = startOf(response);
    if (start !== at) {
      // The registry does not support ranges, or not this one: start at the first byte.
      at = 0;
      truncate(fd, 0);
      progress(0);
      if (start !== 0) {
        await response.body?.cancel();
        throw new BrunError(`${where} does not begin where it is asked to`, { code: "ERR_NETWORK", where });
      }
    }
    const hasher = hashBeginning(fd, at, digest);
    check(syscall(NR.lseek, fd, at, 0), "seek in a download");
    for await (const chunk of bodyOf(response, where)) {
      if (at + chunk.length > size) {
        throw new BrunError(`${where} is longer than the ${size} bytes that it is said to have`, {
          code: "ERR_DIGEST",
          where,
        });
      }
      writeFd(fd, chunk, "a download");
      hasher.update(chunk);
      at += chunk.length;
      progress(at);
    }
    if (at < size) {
      throw new BrunError(`${where} broke off after ${at} of ${size} bytes`, { code: "ERR_NETWORK", where });
    }
    return text(hasher);
  }
}

function spaceError(error: unknown, where: string): unknown {
  if (!isFull(error)) return error;
  const quota = (error as { code?: unknown }).code === "EDQUOT";
  return new BrunError(
    `there is no space left for the download${quota ? ": the disk quota is used up" : ""}`,
    {
      code: "ERR_NO_SPACE",
      where,
      hint: SPACE_HINT,
    },
  );
}

/** The offset at which an answer begins; -1 if it is unknown. */
function startOf(response: Response): number {
  if (response.status === 200) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  return response.status === 206 && start !== undefined ? Number(start) : -1;
}

function truncate(fd: number, size: number): void {
  check(syscall(NR.ftruncate, fd, size), "truncate a download");
}

const CHUNK = 1 << 20;

/** The hash of the first `size` bytes of the file. */
function hashBeginning(fd: number, size: number, digest: string): CryptoHasher {
  const hasher = new CryptoHasher(algorithmOf(digest));
  const buffer = new Uint8Array(CHUNK);
  for (let at = 0; at < size; ) {
    const n = check(syscall(NR.pread64, fd, buffer, Math.min(CHUNK, size - at), at), "read a download");
    if (n === 0) break;
    hasher.update(buffer.subarray(0, n));
    at += n;
  }
  return hasher;
}
