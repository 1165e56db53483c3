/**
 * The process that unpacks. It runs in the same user namespace as containers, without a network, and with the
 * image store as its root directory. It gets requests one after the other, and answers each in lines of JSON.
 * So the time for its start, and for compiling its code, is spent once for many layers.
 */
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check, isFull, SysError } from "../../sys/error.ts";
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

/** A request. Paths are relative to the store. Most requests have an input, a descriptor that is sent with them. */
export type Request =
  | {
      readonly do: "unpack";
      /** A directory for `root`, and for either `frame` or `archive` (archive.ts). */
      readonly place: string;
      /**
       * A file that is still being downloaded. The input gets a byte whenever the file has grown, and ends with
       * the download. If undefined, the input is the archive.
       */
      readonly arriving?: string;
      /** The size of the archive. */
      readonly size: number;
      /** The algorithm of this digest hashes the archive; null for no hash. */
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
      /** Writes the differences between the input, a directory, and an image's root as a layer. */
      readonly do: "pack";
      readonly base: string;
      /** A new file. */
      readonly file: string;
    }
  | {
      /** Writes the archive of a stored layer. */
      readonly do: "archive";
      /** The layer's directory. */
      readonly place: string;
      readonly diffId: string;
      /** A new file. */
      readonly file: string;
    }
  | {
      /** Copies an image's root into the input, a directory. */
      readonly do: "copy";
      readonly root: string;
    }
  | { readonly do: "remove"; readonly paths: readonly string[] };

/** A line of the answer. The last line is not `progress`. */
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
        /** The current entry of the archive. */
        readonly entry: string | null;
      };
    };

/**
 * The messages on the socket. Each has a descriptor. The first one has a file with a request. After the second
 * one another message has the request's input.
 */
export const REQUEST = "request";
export const REQUEST_WITH_INPUT = "request with input";

/**
 * Serves requests from a socket until the other end closes it or a request fails. After a failure the process
 * ends, since the request's descriptors are still open.
 * @returns the exit code
 * @throws SysError if the other end has gone or sends something else
 */
export async function serveAll(store: string, socket: number): Promise<number> {
  const owner = enter(store);
  if (owner === null) return 1;
  const message = new Uint8Array(REQUEST_WITH_INPUT.length);
  for (;;) {
    const { length, fd } = receiveWithFd(socket, message, "the process that asks");
    if (length === 0) return 0;
    const hasInput = fromUtf8(message.subarray(0, length)) === REQUEST_WITH_INPUT;
    const input = hasInput ? receiveWithFd(socket, message, "the process that asks").fd : -1;
    const request = JSON.parse(fromUtf8(readFd(fd, "the request"))) as Request;
    close(fd);
    const code = await serve(request, input, owner);
    if (code !== 0) return code;
    if (input >= 0) close(input);
  }
}

/** Serves one request. Returns the exit code. Throws a SysError if nothing reads the answers any more. */
export async function serveOnce(store: string, request: Request, input: number): Promise<number> {
  const owner = enter(store);
  return owner === null ? 1 : serve(request, input, owner);
}

async function serve(request: Request, input: number, owner: Owner): Promise<number> {
  let reader: TarReader | null = null;
  /** The part of the layer that has been uncompressed, from 0 to 1. */
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
        (done) => {
          share = done / request.size;
          progress(done);
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
    } else removeAll(request.paths);
    answer({ done: true });
    return 0;
  } catch (error) {
    answer({ failure: failureOf(error, reader?.current ?? null) });
    return 1;
  }
}

/** Removes what can be removed. Throws the first error. */
function removeAll(paths: readonly string[]): void {
  const failures: unknown[] = [];
  for (const path of paths) {
    try {
      removeAt(AT_FDCWD, path);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

const bell = new Uint8Array(4096);

/** Waits for a byte on the input. Returns false if the download has ended. */
function awaitMore(input: number): boolean {
  for (;;) {
    const n = syscall(NR.read, input, bell, bell.length);
    if (n !== -E.EINTR) return check(n, "wait for the download") > 0;
  }
}

/** Adds an estimate of the missing bytes to the error for a full disk. The disk may instead have too many files. */
function withMissing(error: unknown, written: number, room: number, share: number): unknown {
  const full = isFull(error) && (error instanceof SysError || (error instanceof BrunError && written > room));
  if (!full || share === 0) return error;
  const missing =
    share < 1 ? `about ${sizeText(Math.ceil(written / share - written))} are missing` : "a little is missing";
  return new BrunError(`${error.message}: ${missing}`, { code: error.code, cause: error });
}

/**
 * Makes the store the root directory, so that an archive cannot reach anything else.
 * @returns the owner of files; null if it has answered with a failure
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
/** The number of bytes in the last report of progress for this request. */
let told = 0;

function progress(read: number): void {
  if (read - told < PROGRESS_EVERY) return;
  told = read;
  answer({ progress: read });
}

function answer(line: Answer): void {
  // If the reader has gone, this throws EPIPE, which ends the process.
  writeFd(1, `${JSON.stringify(line)}\n`, "the answer");
}

/** Errors for operations that some file systems lack, such as links on FAT and modes on some mounts. */
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
  // Streams have errors of their own: "ENOSPC: no space left on device, write".
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) {
    const [, text = message, call = "work"] = /^E\w+: (.*), (\w+)$/.exec(String(message)) ?? [];
    return { message: `${call}: ${text} (${code})`, code, hint: null, entry };
  }
  return {
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    code: "ERR_FAILED",
    hint: null,
    entry,
  };
}
