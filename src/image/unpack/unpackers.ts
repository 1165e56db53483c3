/** Starts processes that unpack (child.ts), sends them requests, and reads their answers. */
import { read } from "node:fs";
import { promisify } from "node:util";
import { startUnshared } from "../../container/lifecycle/unshare.ts";
import { BrunError, type ErrorCode } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { socketPair } from "../../stage/messages.ts";
import { ownCommand } from "../../sys/environment.ts";
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { close } from "../../sys/fs.ts";
import { makePipe } from "../../sys/pipe.ts";
import { sendFd } from "../../sys/socket.ts";
import { inputFd, spawn, waitChild } from "../../sys/spawn.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import type { UnpackIds } from "../ids.ts";
import { type Answer, REQUEST, REQUEST_WITH_INPUT, type Request } from "./child.ts";

const readSome = promisify(read);
const PIECE = 64 << 10;
const NEWLINE = 10;

/** The errors of sendmsg(2) if the other process has closed the socket, with or without unread messages. */
const ENDED: readonly number[] = [E.EPIPE, E.ECONNRESET];

const NAMESPACES = ["mount", "network", "ipc", "uts"] as const;

/** The processes for requests to a store. A process serves one request at a time. An idle one is used again. */
export class Unpackers {
  private readonly idle: Unpacker[] = [];

  constructor(private readonly store: string) {}

  /**
   * Executes a request.
   * @param input is sent with it, and stays open in this process; -1 for none
   * @param progress is called with the number of bytes of the input that have been read
   * @returns the last answer
   * @throws BrunError if it failed, with its message
   */
  async ask(
    request: Request,
    ids: UnpackIds,
    input: number,
    progress: (bytes: number) => void,
  ): Promise<Answer> {
    const at = this.idle.findIndex(({ of }) => of === ids.name);
    const one = at < 0 ? new Unpacker(this.store, ids) : this.idle.splice(at, 1)[0]!;
    const answer = await one.ask(request, input, progress);
    this.idle.push(one);
    return answer;
  }

  /** Ends the idle processes. */
  end(): void {
    for (const one of this.idle.splice(0)) one.end();
  }
}

/** A process that serves one request after the other. */
class Unpacker {
  /** The name of its ids. */
  readonly of: string;
  private readonly pid: number;
  private readonly socket: number;
  private readonly reader: number;
  private readonly piece = new Uint8Array(PIECE);
  /** The beginning of the next line. */
  private begun = new Uint8Array(0);

  /** Throws a BrunError or SysError. */
  constructor(store: string, ids: UnpackIds) {
    const [socket, its] = socketPair();
    const { reader, writer } = makePipe();
    try {
      this.pid = start(ids, store, [its, writer, 2]);
    } catch (error) {
      close(reader);
      close(socket);
      throw error;
    } finally {
      close(writer);
      close(its);
    }
    this.of = ids.name;
    this.socket = socket;
    this.reader = reader;
  }

  /** As {@link Unpackers.ask}. The process has ended if this throws. */
  async ask(request: Request, input: number, progress: (bytes: number) => void): Promise<Answer> {
    try {
      this.send(request, input);
    } catch (error) {
      // If the process has ended, it may have answered with the reason. Otherwise it still waits for the request.
      if (!(error instanceof SysError && ENDED.includes(error.errno))) {
        this.end();
        throw error;
      }
    }
    for (let line = await this.line(); line !== null; line = await this.line()) {
      const answer = JSON.parse(line) as Answer;
      if ("progress" in answer) progress(answer.progress);
      else if (!("failure" in answer)) return answer;
      else {
        this.end();
        throw failed(answer.failure);
      }
    }
    const { code, signal } = this.end();
    throw new BrunError(`the process that unpacks ended by ${signal ? `signal ${signal}` : `code ${code}`}`, {
      hint: "if memory runs out, the kernel kills a process, and dmesg says so",
    });
  }

  end(): { code: number; signal: number } {
    close(this.socket);
    close(this.reader);
    return waitChild(this.pid);
  }

  /**
   * The next line of its answer; null if it has ended. Only read while a request is served: a read occupies one
   * of the engine's few threads.
   */
  private async line(): Promise<string | null> {
    for (let from = 0; ; ) {
      const end = this.begun.indexOf(NEWLINE, from);
      if (end >= 0) {
        const line = fromUtf8(this.begun.subarray(0, end));
        this.begun = this.begun.slice(end + 1);
        return line;
      }
      from = this.begun.length;
      const { bytesRead } = await readSome(this.reader, this.piece, 0, PIECE, null);
      if (bytesRead === 0) return null;
      const all = new Uint8Array(from + bytesRead);
      all.set(this.begun);
      all.set(this.piece.subarray(0, bytesRead), from);
      this.begun = all;
    }
  }

  /** The request is sent in a file, since it may be too large for a message. */
  private send(request: Request, input: number): void {
    const fd = inputFd(JSON.stringify(request));
    try {
      sendFd(this.socket, fd, input < 0 ? REQUEST : REQUEST_WITH_INPUT);
      if (input >= 0) sendFd(this.socket, input, REQUEST_WITH_INPUT);
    } finally {
      close(fd);
    }
  }
}

function start(ids: UnpackIds, store: string, stdio: readonly [number, number, number]): number {
  const args = [...ownCommand(), "image-unpack", store];
  const environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
  if (ids.userns === null) {
    const child = spawn({ path: args[0]!, argv: args, env: environment, stdio, dieToo: true });
    if (child.pidfd >= 0) close(child.pidfd);
    return child.pid;
  }
  const child = startUnshared({ args, environment, namespaces: NAMESPACES, stdio, userns: ids.userns });
  if (child.pidfd >= 0) close(child.pidfd);
  return child.pid;
}

function failed({ message, code, hint, entry }: Extract<Answer, { failure: unknown }>["failure"]): BrunError {
  return new BrunError(entry === null ? message : `${message} (at ${quoted(entry)})`, {
    code: code as ErrorCode,
    hint: hint ?? undefined,
  });
}
