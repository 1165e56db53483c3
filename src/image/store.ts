/**
 * The image store of a user:
 *
 *   blobs/sha256/…      manifests and configs, but not blobs of layers
 *   partial/            downloads that can be continued, and everything unfinished
 *   layers/IDS/DIFFID/  root: the layer's files; data.json: its other data; frame or archive (unpack/archive.ts)
 *   views/IDS/CHAINID/  root: the root file system of several layers
 *   images.json         names
 *
 * Files are renamed to their final place after they have been verified.
 */
import { BrunError } from "../errors.ts";
import { parseJson } from "../spec/json.ts";
import { errnoText } from "../sys/errno.ts";
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
  readTextIfThere,
  replaceFile,
  tryStat,
  unlink,
} from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { Blobs } from "./blobs.ts";
import type { UnpackIds } from "./ids.ts";
import { type Lock, takeLock } from "./lock.ts";
import { roomForLayer } from "./room.ts";
import type { Arrival } from "./source/source.ts";
import {
  layerPath,
  RECORD_VERSION,
  readImages,
  recordPath,
  rootPath,
  type StoredImage,
  storeDirectory,
} from "./stored.ts";
import type { Answer, Request } from "./unpack/child.ts";
import type { LayerData, UnpackedLayer } from "./unpack/layer-data.ts";
import type { PackedLayer } from "./unpack/packed-file.ts";
import { Unpackers } from "./unpack/unpackers.ts";

const DIRECTORIES = ["blobs/sha256", "blobs/sha512", "partial", "layers", "views"];

/** Written to a pipe when more of a layer has arrived. */
const BELL = new Uint8Array(1);

/** The prefix of the locks of {@link ImageStore.making}. */
export const MAKING = "making-";

/** The file of a layer, with its expected digests. */
export interface LayerInput {
  readonly fd: number;
  readonly size: number;
  /** Null if it is unknown. */
  readonly digest: string | null;
  readonly diffId: string | null;
  /** The download of the file; undefined if it is complete. */
  readonly arrival?: Arrival;
}

/** The archive of a layer, made from its files. */
export interface LayerArchive extends PackedLayer {
  /** A descriptor of a file that has been unlinked. */
  readonly fd: number;
  release(): void;
}

/** An unpacked layer with a known digest. */
type KnownLayer = UnpackedLayer & { readonly digest: string };

/** The algorithm for unknown digests. */
const SHA256 = "sha256:";

/** The images of one user. */
export class ImageStore {
  readonly blobs: Blobs;
  private readonly unpackers: Unpackers;
  /** The number of images that are being made. While it is not 0, idle processes are kept for further layers. */
  private makings = 0;

  private constructor(readonly directory: string) {
    this.blobs = new Blobs(directory);
    this.unpackers = new Unpackers(directory);
  }

  /** Opens the store, and creates it if it is missing. Throws a BrunError. */
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
          code: "ERR_STATE",
          hint: "XDG_DATA_HOME may name another directory",
        },
      );
    }
    return new ImageStore(directory);
  }

  /** The current images. Throws a BrunError if the record is damaged. */
  images(): readonly StoredImage[] {
    return readImages(this.directory);
  }

  /** Changes the record under its lock. Throws a BrunError or SysError. */
  async change(edit: (images: readonly StoredImage[]) => readonly StoredImage[]): Promise<void> {
    const lock = await this.lock("record");
    try {
      const text = JSON.stringify({ version: RECORD_VERSION, images: edit(this.images()) }, null, "\t");
      replaceFile(recordPath(this.directory), `${text}\n`, 0o600);
    } finally {
      lock.release();
    }
  }

  /**
   * Takes a lock of the store. Waits while another process holds it, so that eight runs of one image download
   * it once.
   * @param waiting is called once if the lock is held
   * Throws a SysError.
   */
  lock(name: string, waiting: () => void = () => {}): Promise<Lock> {
    return takeLock(`${this.directory}/partial/${name}.lock`, waiting);
  }

  /**
   * Runs `work`, which makes an image. Meanwhile its layers are not removed, although no name needs them yet.
   * Throws the errors of `work`.
   */
  async making<T>(work: () => Promise<T>): Promise<T> {
    // Layers are only removed under the record's lock.
    const record = await this.lock("record");
    const lock = await this.lock(`${MAKING}${crypto.randomUUID()}`);
    record.release();
    this.makings++;
    try {
      return await work();
    } finally {
      this.makings--;
      this.endUnpackers();
      lock.release();
    }
  }

  /**
   * Executes a request in a process in the ids' user namespace: {@link Unpackers.ask}.
   * @throws BrunError
   */
  async ask(
    request: Request,
    ids: UnpackIds,
    input = -1,
    progress: (bytes: number) => void = () => {},
  ): Promise<Answer> {
    try {
      return await this.unpackers.ask(request, ids, input, progress);
    } finally {
      this.endUnpackers();
    }
  }

  private endUnpackers(): void {
    if (this.makings === 0) this.unpackers.end();
  }

  /** The path of a download. */
  partialPath(digest: string): string {
    return `${this.directory}/partial/${digest.replace(":", "-")}`;
  }

  hasLayer(ids: UnpackIds, diffId: string): boolean {
    return exists(`${this.directory}/${layerPath(ids, diffId)}`);
  }

  private layerData(ids: UnpackIds, diffId: string): LayerData {
    const path = `${this.directory}/${layerPath(ids, diffId)}/data.json`;
    return parseJson(readTextIfThere(path) ?? "", path) as LayerData;
  }

  /**
   * Unpacks a layer, also while it is being downloaded.
   * @param progress is called with the number of bytes that have been uncompressed
   * @throws BrunError if a digest is wrong or the layer cannot be unpacked; then nothing of it is left
   */
  async unpack(
    ids: UnpackIds,
    layer: LayerInput,
    progress: (bytes: number) => void = () => {},
  ): Promise<KnownLayer> {
    const made = this.makeTemporary("layer");
    try {
      const { arrival, ...whole } = layer;
      const unpacked = await (arrival === undefined
        ? this.unpackInto(made, layer, ids, layer.fd, progress)
        : this.unpackArriving(made, layer, arrival, ids, progress));
      // The file had wrong bytes for a while. It is correct now, so unpack it again.
      if (unpacked === null) {
        await this.discard([made], ids);
        check(syscall(NR.lseek, layer.fd, 0, 0), "go to the beginning of the layer");
        return await this.unpack(ids, whole, progress);
      }
      replaceFile(`${this.directory}/${made}/data.json`, JSON.stringify(unpacked.data), 0o600);
      mkdirAll(`${this.directory}/layers/${ids.name}`);
      if (this.hasLayer(ids, unpacked.diffId)) await this.discard([made], ids);
      else this.place(made, layerPath(ids, unpacked.diffId));
      return unpacked;
    } catch (error) {
      await this.discard([made], ids);
      throw error;
    }
  }

  /**
   * Unpacks a layer into a directory, and compares its digests.
   * @param input a descriptor of the layer, or of the pipe that announces more of it
   */
  private async unpackInto(
    place: string,
    { digest, diffId, size, arrival }: LayerInput,
    ids: UnpackIds,
    input: number,
    progress: (bytes: number) => void,
  ): Promise<KnownLayer> {
    const request = {
      do: "unpack",
      place,
      size,
      // A download hashes its own bytes.
      digest: arrival === undefined ? (digest ?? SHA256) : null,
      diffId: diffId ?? SHA256,
      room: roomForLayer(this.directory),
      ...(arrival !== undefined && { arriving: arrival.path }),
    } as const;
    const answer = await this.ask(request, ids, input, progress);
    if (!("layer" in answer)) throw new BrunError("the process that unpacks said nothing");
    const { layer } = answer;
    if (digest !== null && layer.digest !== null && layer.digest !== digest)
      throw mismatch("its bytes have the digest", layer.digest, digest);
    if (diffId !== null && layer.diffId !== diffId)
      throw mismatch("what it unpacks to has the digest", layer.diffId, diffId);
    return { ...layer, digest: layer.digest ?? digest! };
  }

  /**
   * Unpacks a layer while it is downloaded. Returns null if it has to be unpacked again. Throws the errors of
   * the download.
   */
  private async unpackArriving(
    place: string,
    layer: LayerInput,
    arrival: Arrival,
    ids: UnpackIds,
    progress: (bytes: number) => void,
  ): Promise<KnownLayer | null> {
    const { reader, writer } = makePipe();
    const outcome = this.unpackInto(place, layer, ids, reader, progress).then(
      (unpacked) => ({ unpacked }),
      (error: unknown) => ({ error }),
    );
    close(reader);
    // The download begins after the process has been started: starting takes time, in which nothing would be
    // written.
    const more = () => void syscall(NR.write, writer, BELL, BELL.length);
    let hadOthers: boolean;
    try {
      ({ hadOthers } = await arrival.download(more));
    } finally {
      // This ends the process: its archive is complete or cut off.
      close(writer);
      await outcome;
    }
    const done = await outcome;
    if ("unpacked" in done) return done.unpacked;
    if (hadOthers) return null;
    throw done.error;
  }

  /**
   * Writes the archive of a stored layer into a file, compressed.
   * @param progress is called with the number of uncompressed bytes written
   * @throws BrunError (ERR_DIGEST) if the layer's files have changed
   */
  async archive(ids: UnpackIds, diffId: string, progress: (bytes: number) => void): Promise<LayerArchive> {
    const file = this.temporaryName("archive");
    const path = `${this.directory}/${file}`;
    try {
      const place = layerPath(ids, diffId);
      const request = { do: "archive", place, diffId, file } as const;
      const answer = await this.ask(request, ids, -1, progress);
      if (!("packed" in answer)) throw new BrunError("the process that packs said nothing");
      const { packed } = answer;
      if (packed.diffId !== diffId)
        throw mismatch("what its files make has the digest", packed.diffId, diffId);
      const fd = open(path, O.RDONLY | O.NOFOLLOW);
      return { ...packed, fd, release: () => close(fd) };
    } finally {
      unlink(path);
    }
  }

  /** Builds the root of stored layers. Returns its path. Throws a BrunError. */
  async buildRoot(ids: UnpackIds, diffIds: readonly string[]): Promise<string> {
    const [lowest] = diffIds;
    const [link] = lowest === undefined ? [] : this.layerData(ids, lowest).links;
    if (link !== undefined) throw missingTarget(...link);
    const place = rootPath(ids, diffIds);
    const path = `${this.directory}/${place}/root`;
    if (exists(path)) return path;
    const lock = await this.lock(place.replaceAll("/", "-"));
    try {
      if (exists(path)) return path;
      mkdirAll(`${this.directory}/views/${ids.name}`);
      const made = this.makeTemporary("view");
      const layers = diffIds.map((id) => ({
        directory: `${layerPath(ids, id)}/root`,
        data: this.layerData(ids, id),
      }));
      try {
        await this.ask({ do: "view", directory: `${made}/root`, layers }, ids);
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

  /**
   * Creates a directory below the store. Its name has the id of this process, so that it is removed after the
   * process has died.
   */
  private makeTemporary(what: string): string {
    const path = this.temporaryName(what);
    check(mkdir(`${this.directory}/${path}`), `make ${this.directory}/${path}`);
    return path;
  }

  /** A name for a temporary file below the store. */
  temporaryName(what: string): string {
    return `partial/${what}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
  }

  private place(made: string, place: string): void {
    const [from, to] = [`${this.directory}/${made}`, `${this.directory}/${place}`];
    check(syscall(NR.renameat2, AT_FDCWD, cstr(from), AT_FDCWD, cstr(to), 0), `rename ${from} to ${to}`);
  }

  /** Removes unusable files. Failures are ignored. */
  async discard(paths: readonly string[], ids: UnpackIds): Promise<void> {
    try {
      await this.ask({ do: "remove", paths }, ids);
    } catch {
      // They are removed as leftovers once this process has ended.
    }
  }
}

/** The error for a hard link without a target. */
function missingTarget(path: string, target: string): BrunError {
  return new BrunError(`${path} is a hard link to ${target}, which no layer has`, { code: "ERR_ARCHIVE" });
}

function mismatch(what: string, got: string, wanted: string): BrunError {
  return new BrunError(`the layer is damaged: ${what} ${got} and not ${wanted}`, { code: "ERR_DIGEST" });
}
