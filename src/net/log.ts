/**
 * The log of connections that were made or refused. It writes a line of JSON for each event to the file of
 * --net-log, and calls a listener.
 */
import { BrunError } from "../errors.ts";
import { E, errnoText } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { O, tryOpen } from "../sys/fs.ts";
import { utf8 } from "../sys/utf8.ts";

/**
 * An event. Verdicts: `allowed`: a connection was made; `closed`: it has ended; `refused`: the list does not
 * allow it; `failed`: an error of the network; `changed`: the list has changed.
 */
export interface NetEvent {
  /**
   * The subject: a DNS question, a connection, the list. `lost`: events were dropped, since the program did
   * not read them.
   */
  readonly event: "dns" | "connect" | "list" | "lost";
  readonly verdict: "allowed" | "closed" | "refused" | "failed" | "changed";
  /** The name that the program used, or an address. */
  readonly name?: string;
  readonly port?: number;
  /** The address that was dialled. */
  readonly address?: string;
  readonly reason?: string;
  /** Bytes that the program has sent. `received` are those that it got. */
  readonly sent?: number;
  readonly received?: number;
  /** The new list after a change. */
  readonly allow?: readonly string[];
  /** The number of lost events. */
  readonly count?: number;
}

/** An event with its time. */
export interface NetworkEvent extends NetEvent {
  /** ISO 8601, with milliseconds. */
  readonly time: string;
}

/** The maximum size: a program must not fill the disk with refused attempts. */
const MOST_BYTES = 64 << 20;

/** Writes to the file, if there is one, and calls the listener. */
export class NetLog {
  /** Called for each event. */
  listener: ((event: NetworkEvent) => void) | null = null;
  private readonly fd: number;
  private size = 0;

  /** Opens the file for appending. A symbolic link is not followed. Throws a BrunError. */
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
