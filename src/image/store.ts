/**
 * Where images are kept, DIR:
 *
 *   blobs/sha256/…      manifests and configs; those of layers are not kept
 *   partial/            downloads that can go on, and whatever else is not finished
 *   layers/IDS/DIFFID/  root: the layer's files; data.json: what else it says
 *   views/IDS/CHAINID/  root: what several layers make together
 *   images.json         names
 *
 * What is in its final place was verified before a rename put it there.
 */
import * as v from "valibot";
import { callerIdentity } from "../container/root.ts";
import { BrunError } from "../errors.ts";
import { parseJson } from "../spec/json.ts";
import { variable } from "../sys/environment.ts";
import { E, errnoText } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import {
  AT_FDCWD,
  close,
  exists,
  mkdir,
  mkdirAll,
  O,
  open,
  readFile,
  readTextIfThere,
  replaceFile,
  S,
  tryStat,
  unlink,
} from "../sys/fs.ts";
import { chainId, digestOf, hexOf } from "./digest.ts";
import type { Platform } from "./platform.ts";
import type { LayerData } from "./unpack/layer-data.ts";
import { type UnpackIds, unpackProcess } from "./unpack/start.ts";

/** An image that is there, under a name. */
export interface StoredImage {
  /** "docker.io/library/debian:12". */
  readonly name: string;
  readonly manifest: string;
  /** Digest of the index that the name led to, or the manifest's own. */
  readonly top: string;
  readonly config: string;
  readonly platform: Platform;
  /** Bytes of the layers as they were read. */
  readonly size: number;
  readonly diffIds: readonly string[];
  /** When it was pulled, as ISO 8601. */
  readonly pulled: string;
}

const recordSchema = v.object({
  version: v.literal(1),
  images: v.array(
    v.object({
      name: v.string(),
      manifest: v.string(),
      top: v.string(),
      config: v.string(),
      platform: v.object({ os: v.string(), architecture: v.string(), variant: v.optional(v.string()) }),
      size: v.number(),
      diffIds: v.array(v.string()),
      pulled: v.string(),
    }),
  ),
});

const LOCK_EX = 2;
const LOCK_NB = 4;
const RECORD = "images.json";
const DIRECTORIES = ["blobs/sha256", "blobs/sha512", "partial", "layers", "views"];
/** How often another process's lock is looked at, in milliseconds. */
const LOCK_POLL = 50;

/** The store's directory: $BRUN_IMAGES, else below $XDG_DATA_HOME or ~/.local/share; root's is /var/lib/brun/images. */
export function storeDirectory(): string {
  const given = variable("BRUN_IMAGES");
  if (given?.startsWith("/")) return given;
  const data = variable("XDG_DATA_HOME");
  if (data?.startsWith("/")) return `${data}/brun/images`;
  const home = variable("HOME");
  if (callerIdentity().euid === 0 && (home === undefined || home === "/root")) return "/var/lib/brun/images";
  if (home?.startsWith("/")) return `${home}/.local/share/brun/images`;
  throw new BrunError("there is no place for images: HOME is not set", {
    hint: "set HOME, or XDG_DATA_HOME",
  });
}

/** A lock that is held until it is closed. */
export interface Lock {
  release(): void;
}

/** A layer's bytes, and what they have to be. */
export interface LayerInput {
  readonly fd: number;
  readonly size: number;
  readonly digest: string | null;
  readonly diffId: string;
}

/** How much of the free space one layer may take. */
const ROOM = 0.95;

/** The images of one user. */
export class ImageStore {
  private constructor(readonly directory: string) {}

  /** Opens the store, and makes it where it is missing. Throws a BrunError. */
  static open(directory = storeDirectory()): ImageStore {
    try {
      for (const name of DIRECTORIES) mkdirAll(`${directory}/${name}`);
    } catch (error) {
      if (error instanceof SysError) {
        throw new BrunError(`cannot keep images in ${directory}: ${errnoText(error.errno)}`, {
          code: error.code,
          hint: "XDG_DATA_HOME may name another directory",
        });
      }
      throw error;
    }
    const stat = tryStat(directory);
    const euid = syscall(NR.geteuid);
    if (typeof stat !== "number" && (stat.uid !== euid || (stat.mode & 0o022) !== 0)) {
      throw new BrunError(
        `cannot keep images in ${directory}: ${stat.uid === euid ? "others may write to it" : "it is not yours"}`,
        {
          hint: "XDG_DATA_HOME may name another directory",
        },
      );
    }
    return new ImageStore(directory);
  }

  /** The images, as they are now. Throws a BrunError when the record is damaged. */
  images(): readonly StoredImage[] {
    const path = `${this.directory}/${RECORD}`;
    const text = readTextIfThere(path);
    if (text === null) return [];
    const result = v.safeParse(recordSchema, parseJson(text, path));
    if (!result.success) {
      throw new BrunError("is damaged", {
        code: "ERR_STATE",
        where: path,
        hint: "remove it, and pull the images again",
      });
    }
    return result.output.images as StoredImage[];
  }

  /** The image of a name for a platform. Throws a BrunError. */
  find(name: string, runs: (platform: Platform) => boolean): StoredImage | undefined {
    return this.images().find((image) => image.name === name && runs(image.platform));
  }

  /** Changes the record under its lock. Throws a BrunError or SysError. */
  async change(edit: (images: readonly StoredImage[]) => readonly StoredImage[]): Promise<void> {
    const lock = await this.lock("record");
    try {
      const text = JSON.stringify({ version: 1, images: edit(this.images()) }, null, "\t");
      replaceFile(`${this.directory}/${RECORD}`, `${text}\n`, 0o600, true);
    } finally {
      lock.release();
    }
  }

  /**
   * Takes a lock of the store, and waits for others that have it: eight runs of one image download it once.
   * @param waiting is called once when there is somebody to wait for
   * Throws a SysError.
   */
  async lock(name: string, waiting: () => void = () => {}): Promise<Lock> {
    const path = `${this.directory}/partial/${name}.lock`;
    for (let told = false; ; ) {
      const fd = open(path, O.RDWR | O.CREAT | O.NOFOLLOW, 0o600);
      const result = syscall(NR.flock, fd, LOCK_EX | LOCK_NB);
      // Whoever had it may have removed the file: then the lock is of nothing.
      if (result === 0 && isSame(fd, path)) {
        return {
          release: () => {
            unlink(path);
            close(fd);
          },
        };
      }
      close(fd);
      if (result !== 0 && result !== -E.EAGAIN && result !== -E.EINTR) check(result, `lock ${path}`);
      if (!told && result !== 0) waiting();
      told = true;
      await Bun.sleep(result === 0 ? 0 : LOCK_POLL);
    }
  }

  /** A manifest or config that is there. Throws a BrunError when it is not what its digest says. */
  blob(digest: string): Uint8Array | null {
    const path = this.blobPath(digest);
    if (!exists(path)) return null;
    const bytes = readFile(path);
    if (digestOf(bytes, digest.startsWith("sha512") ? "sha512" : "sha256") === digest) return bytes;
    unlink(path);
    return null;
  }

  putBlob(digest: string, bytes: Uint8Array): void {
    if (!exists(this.blobPath(digest))) replaceFile(this.blobPath(digest), bytes, 0o600, true);
  }

  private blobPath(digest: string): string {
    return `${this.directory}/blobs/${digest.replace(":", "/")}`;
  }

  /** Where a download is kept until it is whole. */
  partialPath(digest: string): string {
    return `${this.directory}/partial/${digest.replace(":", "-")}`;
  }

  /** A layer's place, below the store. */
  private layerPath(ids: UnpackIds, diffId: string): string {
    return `layers/${ids.name}/${hexOf(diffId)}`;
  }

  hasLayer(ids: UnpackIds, diffId: string): boolean {
    return exists(`${this.directory}/${this.layerPath(ids, diffId)}`);
  }

  private layerData(ids: UnpackIds, diffId: string): LayerData {
    const path = `${this.directory}/${this.layerPath(ids, diffId)}/data.json`;
    return parseJson(readTextIfThere(path) ?? "", path) as LayerData;
  }

  /**
   * Unpacks a layer.
   * @param input the layer's bytes, from where they begin
   * @param progress is told how many have been read
   * @throws BrunError it is not what its digests say, or cannot be unpacked; nothing is left of it
   */
  async unpack(ids: UnpackIds, layer: LayerInput, progress: (bytes: number) => void): Promise<void> {
    const { diffId, digest, size, fd } = layer;
    const made = this.makeTemporary("layer");
    try {
      const room = Math.floor(this.freeSpace() * ROOM);
      const request = {
        do: "unpack",
        store: this.directory,
        directory: `${made}/root`,
        size,
        digest: digest ?? diffId,
        diffId,
        room,
      } as const;
      const unpacked = await unpackProcess(request, ids, fd, progress);
      if (unpacked === null) throw new BrunError("the process that unpacks said nothing");
      if (digest !== null && unpacked.digest !== digest)
        throw mismatch("its bytes have the digest", unpacked.digest, digest);
      if (unpacked.diffId !== diffId)
        throw mismatch("what it unpacks to has the digest", unpacked.diffId, diffId);
      replaceFile(`${this.directory}/${made}/data.json`, JSON.stringify(unpacked.data), 0o600, true);
      mkdirAll(`${this.directory}/layers/${ids.name}`);
      this.place(made, this.layerPath(ids, diffId));
    } catch (error) {
      await this.discard([made], ids);
      throw error;
    }
  }

  /** The directory that a container gets as its root; null when it has to be built. */
  rootIfThere(ids: UnpackIds, diffIds: readonly string[]): string | null {
    const path = `${this.directory}/${this.rootPath(ids, diffIds)}/root`;
    return exists(path) ? path : null;
  }

  private rootPath(ids: UnpackIds, diffIds: readonly string[]): string {
    // One layer is its own view, if it has nothing that is resolved by another.
    if (diffIds.length === 1) return this.layerPath(ids, diffIds[0]!);
    return `views/${ids.name}/${hexOf(chainId(diffIds))}`;
  }

  /** Builds the root of layers that are all there. Throws a BrunError. */
  async buildRoot(ids: UnpackIds, diffIds: readonly string[]): Promise<string> {
    const place = this.rootPath(ids, diffIds);
    const path = `${this.directory}/${place}/root`;
    if (exists(path)) return path;
    const lock = await this.lock(place.replaceAll("/", "-"));
    try {
      if (exists(path)) return path;
      mkdirAll(`${this.directory}/views/${ids.name}`);
      const made = this.makeTemporary("view");
      const layers = diffIds.map((id) => ({
        directory: `${this.layerPath(ids, id)}/root`,
        data: this.layerData(ids, id),
      }));
      try {
        await unpackProcess({ do: "view", store: this.directory, directory: `${made}/root`, layers }, ids);
        this.place(made, place);
      } catch (error) {
        await this.discard([made], ids);
        throw error;
      }
      return path;
    } finally {
      lock.release();
    }
  }

  /** A new directory below the store. Its name says whose it is: what a dead process has left is found by that. */
  private makeTemporary(what: string): string {
    const path = `partial/${what}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
    check(mkdir(`${this.directory}/${path}`), `make ${this.directory}/${path}`);
    return path;
  }

  /** Path of a new file that is wanted for a while. */
  temporaryFile(what: string): string {
    return `${this.directory}/partial/${what}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
  }

  private place(made: string, place: string): void {
    const [from, to] = [`${this.directory}/${made}`, `${this.directory}/${place}`];
    check(syscall(NR.renameat2, AT_FDCWD, cstr(from), AT_FDCWD, cstr(to), 0), `rename ${from} to ${to}`);
  }

  /** Bytes that are free for this user where the store is. Throws a SysError. */
  freeSpace(): number {
    const buffer = new BigInt64Array(16);
    check(syscall(NR.statfs, cstr(this.directory), buffer), `look at ${this.directory}`);
    // struct statfs: f_type, f_bsize, f_blocks, f_bfree, f_bavail
    return Number(buffer[4]! * buffer[1]!);
  }

  /** Removes what cannot be used by anybody; that it fails is no matter. */
  async discard(paths: readonly string[], ids: UnpackIds): Promise<void> {
    try {
      await unpackProcess({ do: "remove", store: this.directory, paths }, ids);
    } catch {
      // The next prune finds it.
    }
  }
}

function mismatch(what: string, got: string, wanted: string): BrunError {
  return new BrunError(`is damaged: ${what} ${got} and not ${wanted}`, { code: "ERR_DIGEST" });
}

function isSame(fd: number, path: string): boolean {
  const there = tryStat(path, true);
  if (typeof there === "number") return false;
  const opened = tryStat(`/proc/self/fd/${fd}`);
  return typeof opened !== "number" && opened.ino === there.ino && (there.mode & S.IFMT) === S.IFREG;
}
