/** Reading what the supervisor keeps of a container's output (nsenter/stage/keep.c), while it goes on. */
import { NR, syscall } from "../../sys/ffi.ts";
import { close, fstat, O, tryOpen, tryStat } from "../../sys/fs.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import { LOG_FILES } from "./kept-log.ts";

/** A line of output, or a part of one that goes on in the next entry of its stream. */
export interface LogEntry {
  /** RFC 3339 in UTC with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** With the newline, where there is one. */
  readonly bytes: Uint8Array;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const FULL = 0x46;
const CHUNK = 65536;

/** Reads one log from its beginning; {@link LogReader.entries} gives what has come since the last call. */
export class LogReader {
  private fd = -1;
  private inode = 0n;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(private readonly directory: string) {}

  /** Skips the entries that exist by now. */
  skip(): void {
    for (const _ of this.entries());
  }

  *entries(): Generator<LogEntry> {
    for (;;) {
      yield* this.unread();
      const next = this.next();
      if (next === null) return;
      // Entries that were written after the last read and before the next file was begun.
      yield* this.unread();
      if (!this.open(next)) return;
    }
  }

  private *unread(): Generator<LogEntry> {
    const chunk = new Uint8Array(CHUNK);
    for (;;) {
      const n = this.fd < 0 ? 0 : syscall(NR.read, this.fd, chunk, chunk.length);
      if (n <= 0) return;
      yield* this.take(chunk.subarray(0, n));
    }
  }

  /** The entries of some more bytes. */
  private *take(bytes: Uint8Array): Generator<LogEntry> {
    let data = bytes;
    if (this.rest.length > 0) {
      data = new Uint8Array(this.rest.length + bytes.length);
      data.set(this.rest);
      data.set(bytes, this.rest.length);
    }
    let at = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
      const entry = entryOf(data.subarray(at, end + 1));
      if (entry !== null) yield entry;
      at = end + 1;
    }
    this.rest = data.slice(at);
  }

  /** The file to go on with; null when this one is the newest. */
  private next(): string | null {
    const [old, current] = LOG_FILES.map((name) => `${this.directory}/${name}`) as [string, string];
    if (this.fd < 0) return inodeOf(old) === 0n ? current : old;
    if (inodeOf(current) === this.inode) return null;
    return inodeOf(old) === this.inode ? current : old;
  }

  private open(path: string): boolean {
    const fd = tryOpen(path, O.RDONLY | O.NOFOLLOW);
    if (fd < 0) return false;
    if (this.fd >= 0) close(this.fd);
    this.fd = fd;
    this.inode = fstat(fd).ino;
    this.rest = new Uint8Array(0);
    return true;
  }
}

function inodeOf(path: string): bigint {
  const stat = tryStat(path, true);
  return typeof stat === "number" ? 0n : stat.ino;
}

/** An entry with its newline; null for what is none. */
function entryOf(line: Uint8Array): LogEntry | null {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  if (first < 0 || second < 0 || line[second + 2] !== SPACE) return null;
  const stream = fromUtf8(line.subarray(first + 1, second));
  if (stream !== "stdout" && stream !== "stderr") return null;
  const end = line[second + 1] === FULL ? line.length : line.length - 1;
  return { time: fromUtf8(line.subarray(0, first)), stream, bytes: line.slice(second + 3, end) };
}
