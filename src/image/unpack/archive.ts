/**
 * The archive of an unpacked layer. It is not kept. The file `frame` beside the layer's `root` has the parts of
 * the archive that are in no file, and the two make the archive again. If an entry has replaced the file of an
 * earlier entry, the earlier data are gone. Then the file `archive` has the original archive instead.
 */
import { BrunError } from "../../errors.ts";
import { RESOLVE } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, fstat, O, open, tryOpen, unlink, writeFd } from "../../sys/fs.ts";
import { openat2 } from "../../sys/openat2.ts";
import { algorithmOf } from "../digest.ts";
import { FrameWriter, readFrame } from "../tar/frame.ts";
import type { SparseChunk } from "../tar/header.ts";
import { copyBytes } from "./copy.ts";
import { PackedFile, type PackedLayer } from "./packed-file.ts";
import { readLayer } from "./stream.ts";

const NEW = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW;
const CHUNK = 1 << 20;
const SEEK_CUR = 1;

/** While a layer is unpacked, keeps the data from which the archive can be made again. */
export class ArchiveKeeper {
  readonly frame: FrameWriter;
  private readonly file: number;
  /** The offset of the archive in its file. */
  private readonly from: number;

  /**
   * @param place the layer's directory
   * @param input a descriptor of the archive, which will be read
   * @param size of the archive, in bytes
   */
  constructor(
    private readonly place: string,
    private readonly input: number,
    private readonly size: number,
  ) {
    this.from = check(syscall(NR.lseek, input, 0, SEEK_CUR), "find the beginning of the layer");
    this.file = open(`${place}/frame`, NEW, 0o600);
    this.frame = new FrameWriter((bytes) => writeFd(this.file, bytes, "the frame of the layer"));
  }

  /** @param whole whether the layer's files have the data of all entries. Throws a SysError. */
  finish(whole: boolean): void {
    this.frame.finish();
    close(this.file);
    if (whole) return;
    unlink(`${this.place}/frame`);
    const to = open(`${this.place}/archive`, NEW, 0o600);
    const buffer = new Uint8Array(CHUNK);
    for (let at = 0; at < this.size; ) {
      const n = pread(this.input, buffer.subarray(0, this.size - at), this.from + at, "the layer");
      if (n === 0) break;
      writeFd(to, buffer.subarray(0, n), "the layer");
      at += n;
    }
    close(to);
  }
}

/**
 * Writes a layer's archive.
 * @param place the layer's directory
 * @param diffId of the layer; the archive is hashed with its algorithm
 * @param file a new file
 * @param progress is called with the number of bytes made from a frame
 * @throws BrunError (ERR_DIGEST) if it cannot be made
 */
export async function writeArchive(
  place: string,
  diffId: string,
  file: string,
  progress: (bytes: number) => void,
): Promise<PackedLayer> {
  const kept = tryOpen(`${place}/archive`, O.RDONLY | O.NOFOLLOW);
  if (kept >= 0) return copyArchive(kept, diffId, file);
  const frame = tryOpen(`${place}/frame`, O.RDONLY | O.NOFOLLOW);
  if (frame < 0) throw lost("its frame is missing");
  const root = open(`${place}/root`, O.PATH | O.DIRECTORY | O.NOFOLLOW);
  const out = new PackedFile(file, algorithmOf(diffId));
  let size = 0;
  const put = async (bytes: Uint8Array) => {
    size += bytes.length;
    await out.put(bytes);
    progress(size);
  };
  for (const record of readFrame((length) => readUpTo(frame, length))) {
    if ("bytes" in record) await put(record.bytes);
    else await putFile(root, record.path, record.chunks, put);
  }
  close(frame);
  close(root);
  return out.finish();
}

async function putFile(
  root: number,
  path: string,
  chunks: readonly SparseChunk[],
  put: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const flags = O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC;
  const fd = openat2(root, path, flags, RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS);
  if (fd < 0) throw lost(`its file ${path} cannot be read`);
  try {
    for (const { offset, size } of chunks) {
      for (let at = 0; at < size; ) {
        const bytes = new Uint8Array(Math.min(CHUNK, size - at));
        const n = pread(fd, bytes, offset + at, path);
        if (n === 0) throw lost(`its file ${path} is shorter than it was`);
        await put(bytes.subarray(0, n));
        at += n;
      }
    }
  } finally {
    close(fd);
  }
}

/** Copies the original archive. */
async function copyArchive(kept: number, diffId: string, file: string): Promise<PackedLayer> {
  const copy = open(file, NEW, 0o600);
  copyBytes(kept, copy, "the layer");
  close(copy);
  check(syscall(NR.lseek, kept, 0, 0), "read the layer");
  const { size } = fstat(kept);
  const digests = await readLayer(
    { fd: kept, size, digest: "sha256:", diffId },
    () => {},
    () => {},
  );
  close(kept);
  return { digest: digests.digest!, diffId: digests.diffId, size };
}

function lost(why: string): BrunError {
  return new BrunError(`the layer cannot be made again: ${why}`, { code: "ERR_DIGEST" });
}

function pread(fd: number, buffer: Uint8Array, at: number, what: string): number {
  for (;;) {
    const n = syscall(NR.pread64, fd, buffer, buffer.length, at);
    if (n !== -E.EINTR) return check(n, `read ${what}`);
  }
}

/** Reads the next bytes of a file. There are fewer only at its end. */
function readUpTo(fd: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const n = syscall(NR.read, fd, bytes.subarray(have), length - have);
    if (n === -E.EINTR) continue;
    if (check(n, "read the layer") === 0) break;
    have += n;
  }
  return bytes.subarray(0, have);
}
