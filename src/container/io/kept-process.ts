/** The files of a supervisor that keeps the output, and how other commands learn that it has ended. */
import { BrunError } from "../../errors.ts";
import type { KeptDescriptors } from "../../stage/supervise.ts";
import { LOCK } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, fstat, O, open, readFd, tryOpen } from "../../sys/fs.ts";
import { bindUnix } from "../../sys/socket.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import { paths, type StoredState } from "../state/store.ts";
import { limitOf } from "./kept-log.ts";
import type { KeptStreams } from "./kept-streams.ts";

const PRIVATE = 0o077;

/**
 * Opens the files of the supervisor: the log, the socket for `attach`, and the file for the exit code, which is locked until
 * the supervisor ends. Throws a SysError.
 */
export function openKept(
  root: string,
  { id, kept }: StoredState,
  terminal: number,
  streams: KeptStreams,
  size: number,
): KeptDescriptors {
  const { exit, attach } = paths(root, id);
  const directory = open(kept!.directory, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  const result = open(exit, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
  check(syscall(NR.flock, result, LOCK.EX | LOCK.NB), `lock ${exit}`);
  // bind(2) takes the mode of the socket from the umask. Whoever may write to it can type into the container.
  const mask = syscall(NR.umask, PRIVATE);
  const control = bindUnix(attach);
  syscall(NR.umask, mask);
  const [out, err, input] =
    terminal < 0 ? [streams.out, streams.err, streams.input] : [terminal, -1, terminal];
  return { out, err, input, control, directory, result, limit: limitOf(size) };
}

/** The file in which the supervisor leaves the exit code; -1 when the container has no such supervisor. */
export function openResult(root: string, stored: StoredState): number {
  if (stored.kept === undefined) return -1;
  return tryOpen(paths(root, stored.id).exit, O.RDONLY | O.NOFOLLOW);
}

/** Whether the supervisor has ended. */
export function hasEnded(result: number): boolean {
  const locked = syscall(NR.flock, result, LOCK.SH | LOCK.NB);
  return locked !== -E.EAGAIN;
}

/** Waits for the supervisor to end. Throws a SysError. */
export function awaitSupervisor(result: number): void {
  for (;;) {
    const locked = syscall(NR.flock, result, LOCK.SH);
    if (locked === -E.EINTR) continue;
    check(locked, "wait for the container's end");
    return;
  }
}

/** The exit code, when the supervisor has ended. Closes the file. Throws a BrunError. */
export function exitCodeOf(result: number, id: string): number {
  const { size } = fstat(result);
  const text = fromUtf8(readFd(result, "the exit code", size));
  close(result);
  if (/^\d{1,3}\n$/.test(text)) return Number(text);
  throw new BrunError(
    `container ${id}: its exit code is not known: the process that waited for it was killed`,
  );
}
