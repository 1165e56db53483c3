/**
 * The process that unpacks: in the user namespace that containers get, without a network, and with the image store as its
 * root directory. It gets requests one after the other, and answers each in lines of JSON: what it takes to start it, and
 * for the engine to compile it, is spent once for many layers.
 */
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check, SysError } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, close, O, open, readFd, writeFd } from "../../sys/fs.ts";
import { receiveWithFd } from "../../sys/socket.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
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
import { buildView } from "./view.ts";
import { removeAt } from "./written-tree.ts";

/** What is to be done. Paths are below the store. Most have an input: a descriptor that is sent with them. */
export type Request =
  | {
      readonly do: "unpack";
      /** A directory, which gets `root`, and either `frame` or `archive`: archive.ts. */
      readonly place: string;
      /**
       * A file that is still being downloaded; the input has a byte whenever there is more of it, and ends with it. Without
       * it the archive is the input.
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
      /** Writes what differs between the directory that the input is and an image's root. */
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
      /** Copies an image's root into the directory that the input is. */
      readonly do: "copy";
      readonly root: string;
    }
  | { readonly do: "remove"; readonly paths: readonly string[] };

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

/** What a message says: the descriptor with it is a request, which is in a file; or the same, and the next one is its input. */
export const REQUEST = "request";
export const REQUEST_WITH_INPUT = "request with input";

/**
 * Serves whoever has the other end of a socket, until it closes it or a request fails: what a failed one has open is nobody's.
 * @returns the exit code; never throws
 */
export async function serveAll(store: string, socket: number): Promise<number> {
  const owner = enter(store);
  if (owner === null) return 1;
  const message = new Uint8Array(REQUEST_WITH_INPUT.length);
  for (;;) {
    const { length, fd } = receiveWithFd(socket, message, "whoever asks");
    if (length === 0) return 0;
    const hasInput = fromUtf8(message.subarray(0, length)) === REQUEST_WITH_INPUT;
    const input = hasInput ? receiveWithFd(socket, message, "whoever asks").fd : -1;
    const request = JSON.parse(fromUtf8(readFd(fd, "the request"))) as Request;
    close(fd);
    const code = await serve(request, input, owner);
    if (code !== 0) return code;
    if (input >= 0) close(input);
  }
}

/** Does one thing that is asked. Returns the exit code; never throws. */
export async function serveOnce(store: string, request: Request, input: number): Promise<number> {
  const owner = enter(store);
  return owner === null ? 1 : serve(request, input, owner);
}

async function serve(request: Request, input: number, owner: Owner): Promise<number> {
  let reader: TarReader | null = null;
  /** Of the layer, that has been read. */
  let share = 0;
  told = 0;
  try {
    if (request.do === "unpack") {
      const { arriving } = request;
      const fd = arriving === undefined ? input : open(arriving, O.RDONLY | O.NOFOLLOW);
      const keeper = new ArchiveKeeper(request.place, fd, request.size);
      makeDirectory(`${request.place}/root`);
      const writer = new LayerWriter(`${request.place}/root`, owner, request.room, keeper.frame);
      reader = new TarReader(writer, keeper.frame);
      const archive = reader;
      const source = { ...request, fd, ...(arriving !== undefined && { more: () => awaitMore(input) }) };
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
      if (fd !== input) close(fd);
      answer({ layer: { data, ...digests } });
      return 0;
    }
    if (request.do === "view") {
      makeDirectory(request.directory);
      buildView(request.directory, request.layers, owner);
    } else if (request.do === "pack") {
      const base = open(request.base, O.RDONLY | O.DIRECTORY);
      answer({ packed: await packChanges(input, base, request.file) });
      close(base);
      return 0;
    } else if (request.do === "archive") {
      answer({ packed: await writeArchive(request.place, request.diffId, request.file, progress) });
      return 0;
    } else if (request.do === "copy") {
      const root = open(request.root, O.RDONLY | O.DIRECTORY);
      copyTree(root, input, owner);
      close(root);
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
function awaitMore(input: number): boolean {
  for (;;) {
    const n = syscall(NR.read, input, bell, bell.length);
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

/**
 * The store becomes the root directory: whatever an archive says, there is nothing else.
 * @returns whose ids files can have; null when it has been told why not
 */
function enter(store: string): Owner | null {
  try {
    const owner = Owner.ofThisProcess();
    syscall(NR.umask, 0);
    const fd = open(store, O.PATH | O.DIRECTORY);
    check(syscall(NR.fchdir, fd), `go to ${store}`);
    close(fd);
    check(syscall(NR.chroot, cstr(".")), `make ${store} the root directory`);
    return owner;
  } catch (error) {
    answer({ failure: failureOf(error, null) });
    return null;
  }
}

function makeDirectory(path: string): void {
  check(syscall(NR.mkdirat, AT_FDCWD, cstr(path), 0o755), `make ${path}`);
}

const PROGRESS_EVERY = 1 << 20;
/** Of the request that is being served. */
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
