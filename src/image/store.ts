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
  readFile,
  readTextIfThere,
  replaceFile,
  tryStat,
  unlink,
} from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { algorithmOf, digestOf } from "./digest.ts";
import type { UnpackIds } from "./ids.ts";
import { type Lock, takeLock } from "./lock.ts";
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
import type { LayerData, Room, UnpackedLayer } from "./unpack/layer-data.ts";
import type { PackedLayer } from "./unpack/packed-file.ts";
import { Unpackers } from "./unpack/unpackers.ts";

const DIRECTORIES = ["blobs/sha256", "blobs/sha512", "partial", "layers", "views"];

/** What says that more of a layer has come. */
const BELL = new Uint8Array(1);

/** How the names of the locks of {@link ImageStore.making} begin. */
export const MAKING = "making-";

/** A layer's bytes, and what they have to be. */
export interface LayerInput {
  readonly fd: number;
  readonly size: number;
  /** Null where nobody has said it. */
  readonly digest: string | null;
  readonly diffId: string | null;
  /** How the bytes come to be there; undefined when they are. */
  readonly arrival?: Arrival;
}

/** A layer's bytes, made from its files. */
export interface LayerArchive extends PackedLayer {
  /** Open; the file has no name any more. */
  readonly fd: number;
  release(): void;
}

/** What was unpacked, of which the digest is known. */
type KnownLayer = UnpackedLayer & { readonly digest: string };

/** By which algorithm what nobody has said is computed. */
const SHA256 = "sha256:";

/** What helps a full disk. */
export const SPACE_HINT = "`brun image prune --all`, or XDG_DATA_HOME on another disk";

/** How much of the free space one layer may take. */
const ROOM = 0.95;

/** The images of one user. */
export class ImageStore {
  private readonly unpackers: Unpackers;
  /** How many images are being made: there will be more to do for who unpacks. */
  private makings = 0;

  private constructor(readonly directory: string) {
    this.unpackers = new Unpackers(directory);
  }

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
          code: "ERR_STATE",
          hint: "XDG_DATA_HOME may name another directory",
        },
      );
    }
    return new ImageStore(directory);
  }

  /** The images, as they are now. Throws a BrunError when the record is damaged. */
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
   * Takes a lock of the store, and waits for others that have it: eight runs of one image download it once.
   * @param waiting is called once when there is somebody to wait for
   * Throws a SysError.
   */
  lock(name: string, waiting: () => void = () => {}): Promise<Lock> {
    return takeLock(`${this.directory}/partial/${name}.lock`, waiting);
  }

  /** Does what makes an image: nobody takes its layers away before it has a name. Throws what `work` throws. */
  async making<T>(work: () => Promise<T>): Promise<T> {
    // Whoever takes layers away has the record's lock meanwhile.
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
   * Has something done by a process in the ids' user namespace: {@link Unpackers.ask}.
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

  /** A manifest or config that is there. Throws a BrunError when it is not what its digest says. */
  blob(digest: string): Uint8Array | null {
    const path = this.blobPath(digest);
    if (!exists(path)) return null;
    const bytes = readFile(path);
    if (digestOf(bytes, algorithmOf(digest)) === digest) return bytes;
    unlink(path);
    return null;
  }

  putBlob(digest: string, bytes: Uint8Array): void {
    if (!exists(this.blobPath(digest))) replaceFile(this.blobPath(digest), bytes, 0o600);
  }

  private blobPath(digest: string): string {
    return `${this.directory}/blobs/${digest.replace(":", "/")}`;
  }

  /** Where a download is kept until it is whole. */
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
   * @param progress is told how many of its bytes have been read
   * @throws BrunError it is not what its digests say, or cannot be unpacked; nothing is left of it
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
      // There have been other bytes meanwhile; now all is there.
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
   * Has a layer unpacked into a directory, and compares its digests.
   * @param input the layer, or what tells that there is more of it
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
      // What arrives is hashed by whoever downloads it.
      digest: arrival === undefined ? (digest ?? SHA256) : null,
      diffId: diffId ?? SHA256,
      room: this.room(),
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

  /** Unpacks what is downloaded meanwhile. Returns null where that has to be done once more. Throws what the download throws. */
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
    // Not before the process has been started, which takes a while in which nothing would be written to the file.
    const more = () => void syscall(NR.write, writer, BELL, BELL.length);
    let hadOthers: boolean;
    try {
      ({ hadOthers } = await arrival.download(more));
    } finally {
      // The process ends by itself then: its archive is whole, or has been cut off.
      close(writer);
      await outcome;
    }
    const done = await outcome;
    if ("unpacked" in done) return done.unpacked;
    if (hadOthers) return null;
    throw done.error;
  }

  /**
   * Writes the archive of a layer that is there into a file, compressed.
   * @param progress is told how many of its bytes, uncompressed, have been written
   * @throws BrunError (ERR_DIGEST) its files are not what they were; (ERR_NO_SPACE)
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

  /** Builds the root of layers that are all there. Throws a BrunError. */
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

  /** A new directory below the store. Its name says whose it is: what a dead process has left is found by that. */
  private makeTemporary(what: string): string {
    const path = this.temporaryName(what);
    check(mkdir(`${this.directory}/${path}`), `make ${this.directory}/${path}`);
    return path;
  }

  /** The name of a new file below the store that is wanted for a while. */
  temporaryName(what: string): string {
    return `partial/${what}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
  }

  private place(made: string, place: string): void {
    const [from, to] = [`${this.directory}/${made}`, `${this.directory}/${place}`];
    check(syscall(NR.renameat2, AT_FDCWD, cstr(from), AT_FDCWD, cstr(to), 0), `rename ${from} to ${to}`);
  }

  /** Bytes that are free for this user where the store is. Throws a SysError. */
  freeSpace(): number {
    return this.free().bytes;
  }

  /** What one layer may take of that. Throws a SysError. */
  private room(): Room {
    const { bytes, inodes } = this.free();
    return { bytes: Math.floor(bytes * ROOM), inodes: Math.floor(inodes * ROOM) };
  }

  private free(): Room {
    const statfs = new BigInt64Array(16);
    check(syscall(NR.statfs, cstr(this.directory), statfs), `look at ${this.directory}`);
    // struct statfs: f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree. Some file systems say nothing.
    const of = (all: bigint, free: bigint) => (all === 0n ? Number.MAX_SAFE_INTEGER : Number(free));
    return {
      bytes: of(statfs[2]!, statfs[4]! * statfs[1]!),
      inodes: of(statfs[5]!, statfs[6]!),
    };
  }

  /** Removes what cannot be used by anybody; that it fails is no matter. */
  async discard(paths: readonly string[], ids: UnpackIds): Promise<void> {
    try {
      await this.ask({ do: "remove", paths }, ids);
    } catch {
      // The next prune finds it.
    }
  }
}

/** A hard link to what is not there. */
function missingTarget(path: string, target: string): BrunError {
  return new BrunError(`${path} is a hard link to ${target}, which no layer has`, { code: "ERR_ARCHIVE" });
}

function mismatch(what: string, got: string, wanted: string): BrunError {
  return new BrunError(`the layer is damaged: ${what} ${got} and not ${wanted}`, { code: "ERR_DIGEST" });
}
