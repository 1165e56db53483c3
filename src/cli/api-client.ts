/**
 * brun's side of the TypeScript API: `--client FD[,STREAM…][,stay]`, where FD is a socket to the program that has started this
 * brun. It carries lines of text:
 *
 *   pipes PID FD…   to the program: the ends of pipes, one for each STREAM (0, 1, 2), that it opens in /proc/PID/fd
 *   (any byte)      from the program: it has opened them
 *   running         to the program: what it has asked for runs, or waits for `start`
 *   progress JSON   to the program: how far a pull or a push of an image is (ImageEvent of src/image/progress.ts)
 *
 * brun makes the pipes, because the pipes of Bun and Node are sockets, and a program in a container cannot open a socket as
 * /dev/stdout. When the program ends in any way, the kernel closes its end of the socket. brun then gets SIGTERM and undoes what
 * it was making, and the supervisor kills the container, unless it is to stay.
 */
import type { Client } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { dismissEarlyStage } from "../stage/stage.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, writeFd } from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { POLLHUP, POLLIN, waitFd } from "../sys/poll.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const O_ASYNC = 0o20000;
const SIGTERM = 15;

/** Makes the pipes. Throws a BrunError or SysError. */
export function openClient(text: string): Client {
  const { fd, streams, stays } = parseClient(text);
  handOver(fd, streams);
  if (!stays) endWith(fd);
  const ready = () => writeFd(fd, "running\n", "the client");
  const becomes = () => {
    if (!stays) setAsync(fd, false);
    ready();
  };
  return { lifeline: stays ? -1 : fd, ready, becomes };
}

/** How often brun checks whether the client is there, in milliseconds. */
const WATCH = 50;

/** A client's socket while an image is pulled or pushed: it carries the progress, and its end aborts the work. */
export interface ClientProgress {
  tell(event: object): void;
  end(): void;
}

/** As later, brun ends with its client; here it has an event loop, in which it can look. Throws a BrunError. */
export function clientProgress(text: string): ClientProgress {
  const { fd, stays } = parseClient(text);
  const watch = () => {
    if (waitFd(fd, POLLHUP, 0)) syscall(NR.kill, syscall(NR.getpid), SIGTERM);
  };
  const timer = stays ? undefined : setInterval(watch, WATCH);
  timer?.unref();
  return { tell, end: () => clearInterval(timer) };

  function tell(event: object): void {
    const json = JSON.stringify(event).replace(
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    writeFd(fd, `progress ${json}\n`, "the client");
  }
}

function parseClient(text: string): { fd: number; streams: readonly number[]; stays: boolean } {
  if (!/^\d+(,[012])*(,stay)?$/.test(text)) {
    throw new BrunError(`"${text}" is no client`, { code: "ERR_USAGE", where: "--client" });
  }
  const [fd = -1, ...streams] = text.split(",").map(Number).filter(Number.isFinite);
  return { fd, streams, stays: text.endsWith(",stay") };
}

function handOver(fd: number, streams: readonly number[]): void {
  // A stage that is there already has the old streams.
  if (streams.length > 0) dismissEarlyStage();
  const theirs = streams.map((stream) => {
    const { reader, writer } = makePipe();
    const [own, other] = stream === 0 ? [reader, writer] : [writer, reader];
    check(syscall(NR.dup3, own, stream, 0), "set up the streams");
    close(own);
    return other;
  });
  const pid = syscall(NR.getpid);
  writeFd(fd, `${["pipes", pid, ...theirs].join(" ")}\n`, "the client");
  waitFd(fd, POLLIN);
  if (check(syscall(NR.read, fd, new Uint8Array(1), 1), "wait for the client") === 0) throw gone();
  for (const other of theirs) close(other);
}

function endWith(fd: number): void {
  check(syscall(NR.fcntl, fd, F_SETSIG, SIGTERM), "watch the client");
  check(syscall(NR.fcntl, fd, F_SETOWN, syscall(NR.getpid)), "watch the client");
  setAsync(fd, true);
  if (waitFd(fd, POLLHUP, 0)) throw gone();
}

function setAsync(fd: number, isOn: boolean): void {
  const flags = check(syscall(NR.fcntl, fd, F_GETFL), "watch the client");
  check(syscall(NR.fcntl, fd, F_SETFL, isOn ? flags | O_ASYNC : flags & ~O_ASYNC), "watch the client");
}

function gone(): BrunError {
  return new BrunError("the program that has started brun is gone");
}
