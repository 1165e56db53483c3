/** Replaces brun by the stage's supervisor (nsenter/stage/supervise.c) for as long as a foreground process runs. */

import { FrontFact, SUPERVISE_MAGIC, Supervise } from "../plan/abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import type { Program } from "../plan/program.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { addressOf, askFront, cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_EMPTY_PATH, writeFd } from "../sys/fs.ts";
import { cstrArray } from "../sys/spawn.ts";
import { stageFile } from "./stage.ts";

/** The input of the supervisor. Descriptors that do not exist are -1. */
export interface Supervision {
  readonly pid: number;
  readonly pidfd: number;
  /** The pty master. */
  readonly terminal: number;
  /** The terminal of brun, whose mode and size matter. */
  readonly host: number;
  readonly notify: number;
  readonly upstream: number;
  /** From keepSignals() of src/sys/interrupt.ts: delivers the signals that came before the supervisor was there. */
  readonly early: number;
  /** Descriptors that only have to stay open. */
  readonly held?: readonly number[] | undefined;
  /** Milliseconds after which the process is killed; 0 for never. */
  readonly timeout?: number | undefined;
  /** The process is an init (nsenter/stage/init.h), so that Ctrl-Z can stop its program. */
  readonly init?: boolean | undefined;
  /** The descriptors for the kept output of a detached container (nsenter/stage/keep.h). */
  readonly kept?: KeptDescriptors | undefined;
  /** A socket: the process is killed when its other end is closed. */
  readonly client?: number | undefined;
  /** `cleanup` runs only when the client is gone. */
  readonly stays?: boolean | undefined;
  /**
   * If the program ends by a signal that the supervisor received, too, the supervisor dies of it instead of
   * exiting with 128 plus its number.
   */
  readonly raises?: boolean | undefined;
  /** The container's directory, for `cleanup`. */
  readonly directory?: number | undefined;
  /** Runs when the process has ended. */
  readonly cleanup: Program | null;
}

/** Descriptors that do not exist are -1. */
export interface KeptDescriptors {
  /** The container's stdout, or the master of its pty. */
  readonly out: number;
  readonly err: number;
  /** The container's stdin, or the master of its pty. */
  readonly input: number;
  /** Datagram socket that `attach` clients use. */
  readonly control: number;
  /** The directory of the log. */
  readonly directory: number;
  /** The file for the exit code. */
  readonly result: number;
  /** The maximum size in bytes of each of the log's two files. */
  readonly limit: number;
}

const at = layout("superviseRequest");
const keepAt = layout("keepRequest");
const REQUEST_SIZE = layout("superviseRequest").sizeof;
const F_SETFD = 2;

/** Becomes the supervisor; never returns. Throws a SysError when the kernel refuses. */
export function becomeSupervisor(s: Supervision): never {
  const { client = -1, directory = -1 } = s;
  const cleanup = s.cleanup === null ? new Uint8Array(0) : s.cleanup.bytes;
  const request = new Uint8Array(REQUEST_SIZE + cleanup.length);
  const view = new DataView(request.buffer);
  const put = (place: number, value: number): void => view.setInt32(place, value, true);
  put(at.magic, SUPERVISE_MAGIC);
  put(at.pid, s.pid);
  put(at.pidfd, s.pidfd);
  put(at.terminal, s.terminal);
  put(at.host, s.host);
  put(at.notify, s.notify);
  put(at.upstream, s.upstream);
  put(at.early, s.early);
  put(at.program, cleanup.length);
  put(at.timeout, s.timeout ?? 0);
  const raises = s.raises ? Supervise.raises : 0;
  put(at.flags, (s.init ? Supervise.init : 0) | (s.stays ? Supervise.stays : 0) | raises);
  put(at.client, client);
  put(at.directory, directory);
  const kept = s.kept;
  put(at.keep + keepAt.out, kept?.out ?? -1);
  put(at.keep + keepAt.err, kept?.err ?? -1);
  put(at.keep + keepAt.input, kept?.input ?? -1);
  put(at.keep + keepAt.control, kept?.control ?? -1);
  put(at.keep + keepAt.directory, kept?.directory ?? -1);
  put(at.keep + keepAt.result, kept?.result ?? -1);
  put(at.keep + keepAt.limit, kept?.limit ?? 0);
  request.set(cleanup, REQUEST_SIZE);
  const fd = check(syscall(NR.memfd_create, cstr("brun-supervise"), 0), "memfd_create");
  writeFd(fd, request, "the supervisor's request");
  const held = [client, directory, ...(s.held ?? [])];
  const descriptors = [s.pidfd, s.terminal, s.notify, s.upstream, s.early, ...held];
  if (kept) descriptors.push(kept.out, kept.err, kept.input, kept.control, kept.directory, kept.result);
  for (const keep of descriptors) {
    if (keep >= 0) syscall(NR.fcntl, keep, F_SETFD, 0);
  }
  restoreOpenFiles();
  const argv = cstrArray(["brun:[supervisor]", "supervise", `${fd}`]);
  const env = cstrArray([]);
  let result = syscall(NR.execveat, stageFile(), cstr(""), argv.pointers, env.pointers, AT_EMPTY_PATH);
  // A seccomp filter around brun may refuse execveat(2).
  if (result === -E.ENOSYS || result === -E.EPERM)
    result = syscall(NR.execve, cstr(`/proc/self/fd/${stageFile()}`), argv.pointers, env.pointers);
  void [addressOf(argv.keep), addressOf(env.keep)];
  check(result, "become the supervisor");
  throw new Error("execve returned");
}

const RLIMIT_NOFILE = 7;

/** Gives the program that replaces this process the caller's soft limit, not the one that Bun has raised. */
export function restoreOpenFiles(): void {
  const soft = askFront(FrontFact.openFiles);
  const limit = new BigUint64Array(2);
  if (soft <= 0 || syscall(NR.prlimit64, 0, RLIMIT_NOFILE, 0, limit) < 0 || BigInt(soft) >= limit[0]!) return;
  limit[0] = BigInt(soft);
  syscall(NR.prlimit64, 0, RLIMIT_NOFILE, limit, 0);
}
