/**
 * The socket by which `brun update` reaches a relay. It is in the state directory, and only the caller can
 * connect to it.
 */
import { BrunError } from "../errors.ts";
import { SOCK } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, unlink } from "../sys/fs.ts";
import { POLLIN, waitFd } from "../sys/poll.ts";
import { bindUnix, connectUnix } from "../sys/socket.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { accept, peerPid, receive, send } from "./socket.ts";

const SIGKILL = 9;
/** The maximum size of a message. A longer list does not fit into a command line either. */
const MOST = 131_072;
const ANSWER_MS = 10_000;
/** How long a relay may take to write its last lines. */
const END_MS = 2000;

/** A change of a relay's list. */
export interface ListChange {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly allowPrivate: boolean;
}

/** The relay's end of the socket. */
export class Control {
  private readonly fd: number;

  /** Makes the socket. Throws a SysError. */
  constructor(private readonly path: string) {
    unlink(path);
    this.fd = bindUnix(path, SOCK.SEQPACKET | SOCK.NONBLOCK);
    check(syscall(NR.listen, this.fd, 16), `listen on ${path}`);
  }

  /** Makes the requested changes. An error of `change` is the answer. */
  serve(loop: Loop, change: (asked: ListChange) => void): void {
    loop.add(this.fd, EPOLL.IN, () => {
      const client = accept(this.fd);
      if (client < 0) return;
      loop.add(client, EPOLL.IN | EPOLL.RDHUP, () => {
        const buffer = new Uint8Array(MOST);
        const n = receive(client, buffer);
        if (n === -E.EAGAIN) return;
        if (n > 0) send(client, utf8(answerTo(fromUtf8(buffer.subarray(0, n)), change)));
        else loop.close(client);
      });
    });
  }

  /** Closes the socket, and removes it. */
  end(): void {
    unlink(this.path);
    close(this.fd);
  }
}

/** An error in an answer. */
interface Said {
  readonly message: string;
  readonly where?: string | undefined;
  readonly hint?: string | undefined;
}

function answerTo(request: string, change: (asked: ListChange) => void): string {
  try {
    change(JSON.parse(request) as ListChange);
    return "{}";
  } catch (error) {
    const { message } = error as Error;
    return JSON.stringify(
      error instanceof BrunError ? { message, where: error.where, hint: error.hint } : { message },
    );
  }
}

/** Asks a relay for a change. Throws a BrunError. */
export function askForChange(path: string, asked: ListChange): void {
  const socket = connected(path);
  if (socket < 0) {
    throw new BrunError("the container has no network by name", {
      code: "ERR_STATE",
      where: "--allow-net",
      hint: "it has one that was started with --allow-net, as long as it runs",
    });
  }
  try {
    const request = utf8(JSON.stringify(asked));
    check(send(socket, request), "ask the relay");
    const buffer = new Uint8Array(MOST);
    const n = waitFd(socket, POLLIN, ANSWER_MS) === 0 ? 0 : receive(socket, buffer);
    if (n <= 0) throw new BrunError("the relay of the container does not answer", { where: "--allow-net" });
    const said = JSON.parse(fromUtf8(buffer.subarray(0, n))) as Partial<Said>;
    if (said.message !== undefined)
      throw new BrunError(said.message, { code: "ERR_USAGE", where: said.where, hint: said.hint });
  } finally {
    close(socket);
  }
}

/** Waits for the relay of a container that has ended, and kills one that does not end by itself. Throws a SysError. */
export function awaitEnd(path: string): void {
  const socket = connected(path);
  if (socket < 0) {
    unlink(path);
    return;
  }
  const pidfd = syscall(NR.pidfd_open, peerPid(socket), 0);
  close(socket);
  if (pidfd >= 0) {
    if (waitFd(pidfd, POLLIN, END_MS) === 0) syscall(NR.pidfd_send_signal, pidfd, SIGKILL, 0, 0);
    close(pidfd);
  }
  unlink(path);
}

/** Connects to a relay; -1 without one. */
function connected(path: string): number {
  try {
    return connectUnix(path, SOCK.SEQPACKET);
  } catch (error) {
    if (error instanceof SysError && (error.errno === E.ENOENT || error.errno === E.ECONNREFUSED)) return -1;
    throw error;
  }
}
