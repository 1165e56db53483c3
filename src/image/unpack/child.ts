/**
 * The process that unpacks: in the user namespace that containers get, without a network, and with the image store as its
 * root directory. It gets one request as its argument, and answers in lines of JSON.
 */
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check, SysError } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, close, O, open, writeFd } from "../../sys/fs.ts";
import { sizeText } from "../size.ts";
import { TarError, TarReader } from "../tar/reader.ts";
import { ArchiveKeeper, writeArchive } from "./archive.ts";
import { copyTree } from "./copy.ts";
import { LayerWriter } from "./layer.ts";
import type { LayerData, Room, UnpackedLayer } from "./layer-data.ts";
import { Owner } from "./owner.ts";
import { packChanges } from "./pack.ts";
import type { PackedLayer } from "./packed-file.ts";
import { readLayer } from "./stream.ts";
import { removeAt } from "./tree.ts";
import { buildView } from "./view.ts";

/** What is to be done. Paths are below `store`. */
export type Request = { readonly store: string } & (
  | {
      readonly do: "unpack";
      /** A directory, which gets `root`, and either `frame` or `archive`: archive.ts. */
      readonly place: string;
      /**
       * A file that is still being downloaded; stdin has a byte whenever there is more of it, and ends with it. Without it
       * the archive is stdin.
       */
      readonly arriving?: string;
      /** Of the archive. */
      readonly size: number;
      /** By whose algorithm it is hashed; null for none. */
      readonly digest: string | null;
      readonly diffId: string;
      readonly room: Room;
    }
  | {
      readonly do: "view";
      readonly directory: string;
      readonly layers: readonly { readonly directory: string; readonly data: LayerData }[];
    }
  | {
      /** Writes what differs between the directory that stdin is and an image's root. */
      readonly do: "pack";
      readonly base: string;
      /** A new file. */
      readonly file: string;
    }
  | {
      /** Writes the archive of a layer once more. */
      readonly do: "archive";
      /** Its place. */
      readonly place: string;
      readonly diffId: string;
      /** A new file. */
      readonly file: string;
    }
  | {
      /** Copies an image's root into the directory that stdin is. */
      readonly do: "copy";
      readonly root: string;
    }
  | { readonly do: "remove"; readonly paths: readonly string[] }
);

/** A line of the answer; the last one is no progress. */
export type Answer =
  | { readonly progress: number }
  | { readonly layer: UnpackedLayer }
  | { readonly packed: PackedLayer }
  | { readonly done: true }
  | {
      readonly failure: {
        readonly message: string;
        readonly code: string;
        readonly hint: string | null;
        /** The entry of the archive. */
        readonly entry: string | null;
      };
    };

/** Does what is asked. Returns the exit code; never throws. */
export async function serve(request: Request): Promise<number> {
  let reader: TarReader | null = null;
  /** Of the layer, that has been read. */
  let share = 0;
  try {
    const owner = Owner.ofThisProcess();
    syscall(NR.umask, 0);
    enter(request.store);
    if (request.do === "unpack") {
      const { arriving } = request;
      const fd = arriving === undefined ? 0 : open(arriving, O.RDONLY | O.NOFOLLOW);
      const keeper = new ArchiveKeeper(request.place, fd, request.size);
      makeDirectory(`${request.place}/root`);
      const writer = new LayerWriter(`${request.place}/root`, owner, request.room, keeper.frame);
      reader = new TarReader(writer, keeper.frame);
      const archive = reader;
      const source = { ...request, fd, ...(arriving !== undefined && { more: awaitMore }) };
      const digests = await readLayer(
        source,
        (bytes) => archive.feed(bytes),
        (read) => {
          share = read / request.size;
          progress(read);
        },
      ).catch((error: unknown) => {
        throw withMissing(error, writer.written, request.room.bytes, share);
      });
      archive.finish();
      const data = writer.finish();
      keeper.finish(writer.isWhole);
      answer({ layer: { data, ...digests } });
      return 0;
    }
    if (request.do === "view") {
      makeDirectory(request.directory);
      buildView(request.directory, request.layers, owner);
    } else if (request.do === "pack") {
      const base = open(request.base, O.RDONLY | O.DIRECTORY);
      answer({ packed: await packChanges(0, base, request.file) });
      return 0;
    } else if (request.do === "archive") {
      answer({ packed: await writeArchive(request.place, request.diffId, request.file, progress) });
      return 0;
    } else if (request.do === "copy") {
      copyTree(open(request.root, O.RDONLY | O.DIRECTORY), 0, owner);
    } else for (const path of request.paths) removeAt(AT_FDCWD, path);
    answer({ done: true });
    return 0;
  } catch (error) {
    answer({ failure: failureOf(error, reader?.current ?? null) });
    return 1;
  }
}

const bell = new Uint8Array(4096);

/** Waits until whoever downloads says that there is more, or that there is no more (false). */
function awaitMore(): boolean {
  for (;;) {
    const n = syscall(NR.read, 0, bell, bell.length);
    if (n !== -E.EINTR) return check(n, "wait for the download") > 0;
  }
}

/** A full disk, with how many bytes are missing as it seems; it may be the files that are too many instead. */
function withMissing(error: unknown, written: number, room: number, share: number): unknown {
  const full =
    (error instanceof SysError && error.errno === E.ENOSPC) ||
    (error instanceof BrunError && error.code === "ENOSPC" && written > room);
  if (!full || share === 0) return error;
  const missing =
    share < 1 ? `about ${sizeText(Math.ceil(written / share - written))} are missing` : "a little is missing";
  return new BrunError(`${error.message}: ${missing}`, { code: "ENOSPC", cause: error });
}

/** The store becomes the root directory: whatever an archive says, there is nothing else. */
function enter(store: string): void {
  const fd = open(store, O.PATH | O.DIRECTORY);
  check(syscall(NR.fchdir, fd), `go to ${store}`);
  close(fd);
  check(syscall(NR.chroot, cstr(".")), `make ${store} the root directory`);
}

function makeDirectory(path: string): void {
  check(syscall(NR.mkdirat, AT_FDCWD, cstr(path), 0o755), `make ${path}`);
}

const PROGRESS_EVERY = 1 << 20;
let told = 0;

function progress(read: number): void {
  if (read - told < PROGRESS_EVERY) return;
  told = read;
  answer({ progress: read });
}

function answer(line: Answer): void {
  // A reader that has gone ends this process by SIGPIPE's error.
  writeFd(1, `${JSON.stringify(line)}\n`, "the answer");
}

/** What calls end with that a file system does not have: links on FAT, modes on some mounts. */
const UNKNOWN_TO_SOME: ReadonlySet<number> = new Set([E.EPERM, E.EOPNOTSUPP, E.ENOSYS]);
const ANOTHER = "the file system of the images may not have that: XDG_DATA_HOME on another one";

function failureOf(error: unknown, entry: string | null) {
  if (error instanceof TarError)
    return {
      message: `it is no sound tar archive: ${error.message}`,
      code: "ERR_ARCHIVE",
      hint: null,
      entry,
    };
  if (error instanceof BrunError) {
    return { message: error.message, code: error.code, hint: error.hint ?? null, entry };
  }
  if (error instanceof SysError) {
    const hint = UNKNOWN_TO_SOME.has(error.errno) ? ANOTHER : null;
    return { message: error.message, code: error.code, hint, entry };
  }
  return {
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    code: "ERR_FAILED",
    hint: null,
    entry,
  };
}
