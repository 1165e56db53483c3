/** What a program reached and what it did not: one line of JSON each for --net-log, and for who listens. */
import { BrunError } from "../errors.ts";
import { E, errnoText } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { O, tryOpen } from "../sys/fs.ts";
import { utf8 } from "../sys/utf8.ts";

/**
 * What there is to tell. Verdicts: `allowed` when a connection is there, `closed` at its end, `refused` by the list, `failed`
 * by the network, `changed` of the list.
 */
export interface NetEvent {
  /** Of a name, of a connection, of the list; `lost`: of so many nobody was told, since they were not read. */
  readonly event: "dns" | "connect" | "list" | "lost";
  readonly verdict: "allowed" | "closed" | "refused" | "failed" | "changed";
  /** The name that the program used, or an address. */
  readonly name?: string;
  readonly port?: number;
  /** The address that was dialled. */
  readonly address?: string;
  readonly reason?: string;
  /** Bytes from the program, and to it. */
  readonly sent?: number;
  readonly received?: number;
  /** The list, when it has changed. */
  readonly allow?: readonly string[];
  /** How many were lost. */
  readonly count?: number;
}

/** An event as it is told. */
export interface NetworkEvent extends NetEvent {
  /** ISO 8601, with milliseconds. */
  readonly time: string;
}

/** A program must not fill the disk by what it is refused. */
const MOST_BYTES = 64 << 20;

/** The file, if there is one, and who listens. */
export class NetLog {
  /** Told of each event. */
  listener: ((event: NetworkEvent) => void) | null = null;
  private readonly fd: number;
  private size = 0;

  /** Opens it, to be appended to; a symbolic link is not followed. Throws a BrunError. */
  constructor(path: string | undefined) {
    const flags = O.WRONLY | O.CREAT | O.APPEND | O.NOFOLLOW | O.CLOEXEC | O.NONBLOCK;
    const fd = path === undefined ? -1 : tryOpen(path, flags, 0o600);
    if (path !== undefined && fd < 0) {
      const link = fd === -E.ELOOP;
      throw new BrunError(`${path} cannot be opened: ${link ? "it is a symbolic link" : errnoText(-fd)}`, {
        where: "--net-log",
        hint: link ? "name the file itself" : undefined,
      });
    }
    this.fd = fd;
  }

  write(event: NetEvent): void {
    const told: NetworkEvent = { time: new Date().toISOString(), ...event };
    this.listener?.(told);
    if (this.fd < 0 || this.size > MOST_BYTES) return;
    const json = JSON.stringify(told);
    const line = utf8(`${json}\n`);
    this.size += line.length;
    syscall(NR.write, this.fd, line, line.length);
    if (this.size <= MOST_BYTES) return;
    const last = utf8(
      '{"event":"log","verdict":"closed","reason":"it has 64 MB; nothing more is written"}\n',
    );
    syscall(NR.write, this.fd, last, last.length);
  }
}
