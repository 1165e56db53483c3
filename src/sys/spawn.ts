/** Starts programs of the host (newuidmap, hooks, the stage) without the event loop: nsenter/stage/spawn.c. */

import { Spawn } from "../plan/abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { E } from "./errno.ts";
import { check, SysError } from "./error.ts";
import { addressOf, cstr, NR, nativeSpawn, syscall } from "./ffi.ts";
import { close } from "./fs.ts";
import { interrupts, throwIfInterrupted } from "./interrupt.ts";
import { each } from "./lists.ts";
import { POLLIN, timespec, waitFd } from "./poll.ts";
import { fromUtf8, joined, utf8, utf8Length } from "./utf8.ts";

const at = layout("spawnRequest");
const REQUEST_SIZE = layout("spawnRequest").sizeof;

/** Buffers that children read until their execve. */
const read: unknown[] = [];

/** The program to start, and how. */
export interface SpawnOptions {
  /** The absolute path of the executable; PATH is not searched. */
  readonly path: string;
  /** The arguments, including argv[0]. */
  readonly argv: readonly string[];
  /** NAME=value strings; the child gets only these. */
  readonly env: readonly string[];
  /** The working directory; by default the caller's. */
  readonly cwd?: string | undefined;
  /** File descriptors that become 0, 1 and 2; -1 for the caller's own. */
  readonly stdio?: readonly [number, number, number];
  /** A further file descriptor that stays open in the child, under the same number. */
  readonly keepFd?: number;
  /** Execute the file that this descriptor refers to instead of `path`. */
  readonly execFd?: number;
  /** The child leads a new process group, so that it can be killed with its children. */
  readonly processGroup?: boolean;
  /** The child is killed when this process ends before it. */
  readonly dieToo?: boolean;
  /**
   * Return before the program is executed, which saves a fraction of a millisecond. If the execve fails,
   * {@link Child.execError} tells it when the child has ended.
   */
  readonly goOn?: boolean;
}

/** A started program. `pidfd` is close-on-exec, or -1 on a kernel before 5.2. */
export interface Child {
  readonly pid: number;
  readonly pidfd: number;
  /** For children started with `goOn`: the errno of a failed execve, otherwise 0. */
  readonly execError: () => number;
}

/** A NULL-terminated array of C strings. `keep` must live as long as the pointers are used. */
export function cstrArray(strings: readonly string[]): { pointers: BigUint64Array; keep: Uint8Array } {
  const keep = utf8(strings.length === 0 ? "" : `${strings.join("\0")}\0`);
  const pointers = new BigUint64Array(strings.length + 1);
  let at = BigInt(addressOf(keep));
  each(strings, (s, i) => {
    pointers[i] = at;
    at += BigInt(utf8Length(s) + 1);
  });
  return { pointers, keep };
}

/** Starts a program with default signal dispositions and an empty mask. Throws a SysError. */
export function spawn(options: SpawnOptions): Child {
  const path = cstr(options.path);
  const argv = cstrArray(options.argv);
  const env = cstrArray(options.env);
  const cwd = options.cwd === undefined ? null : cstr(options.cwd);
  const request = new Uint8Array(REQUEST_SIZE);
  const v = new DataView(request.buffer);
  v.setBigUint64(at.path, BigInt(addressOf(path)), true);
  v.setBigUint64(at.argv, BigInt(addressOf(argv.pointers)), true);
  v.setBigUint64(at.envp, BigInt(addressOf(env.pointers)), true);
  v.setBigUint64(at.cwd, BigInt(cwd === null ? 0 : addressOf(cwd)), true);
  each(options.stdio ?? [-1, -1, -1], (fd, i) => {
    v.setInt32(at.stdio + 4 * i, fd, true);
  });
  v.setInt32(at.keepFd, options.keepFd ?? -1, true);
  v.setInt32(at.execFd, options.execFd ?? -1, true);
  let flags = (options.processGroup ? Spawn.setpgrp : 0) | (options.execFd === undefined ? 0 : Spawn.execFd);
  if (options.goOn) flags |= Spawn.goOn;
  if (options.dieToo) flags |= Spawn.dieToo;
  v.setUint32(at.flags, flags, true);
  const pid = check(nativeSpawn(request), `exec ${options.path}`);
  // The buffers must outlive the call. With `goOn` they must live until the child's execve, and nothing reports that.
  const buffers = [request, argv, env, path, cwd];
  if (options.goOn) read.push(buffers);
  void buffers.length;
  return { pid, pidfd: v.getInt32(at.pidfd, true), execError: () => 0 - v.getInt32(at.error, true) };
}

/** The exit code of an ended process, or the signal that killed it. */
export interface ExitStatus {
  readonly code: number;
  readonly signal: number;
}

/** The exit code a shell would report: the code, or 128 + signal. */
export function shellStatus(status: ExitStatus): number {
  return status.signal === 0 ? status.code : 128 + status.signal;
}

/** Waits for a child to end and reaps it. Throws a SysError (ECHILD: not a child). */
export function waitChild(pid: number): ExitStatus {
  const status = new Int32Array(1);
  for (;;) {
    const result = syscall(NR.wait4, pid, status, 0, 0);
    if (result === -E.EINTR) continue;
    check(result, `wait for process ${pid}`);
    const s = status[0]!;
    return { code: (s >> 8) & 0xff, signal: s & 0x7f };
  }
}

/** The result of {@link run}: the status, and the output on stdout and stderr together. */
export interface RunResult extends ExitStatus {
  readonly output: string;
  readonly timedOut: boolean;
}

const SIGKILL = 9;
const OUTPUT_LIMIT = 65536;

/**
 * Runs a program to its end and captures its output (the first 64 KB). Throws a SysError. Throws an Interrupted if
 * a held signal arrives, after killing the program's process group.
 * @param input given on stdin; without it stdin is /dev/null
 * @param timeoutMs after which the process group is killed; negative: never
 * @param to descriptors that stdout and stderr go to instead of the result; -1 for none
 */
export function run(
  options: Omit<SpawnOptions, "stdio">,
  input: string | null,
  timeoutMs = -1,
  to: readonly [number, number] = [-1, -1],
): RunResult {
  const stdin = inputFd(input);
  const pipe = new Int32Array(2);
  check(syscall(NR.pipe2, pipe, 0o2000000), "make a pipe");
  const [reader, writer] = [pipe[0]!, pipe[1]!];
  let child: Child;
  try {
    child = spawn({ ...options, stdio: [stdin, to[0] < 0 ? writer : to[0], to[1] < 0 ? writer : to[1]] });
  } catch (error) {
    close(reader);
    throw error;
  } finally {
    close(stdin);
    close(writer);
  }
  const deadline = timeoutMs < 0 ? -1 : performance.now() + timeoutMs;
  try {
    const output = drain(reader, child.pidfd, deadline);
    const ended = child.pidfd < 0 || waitFd(child.pidfd, POLLIN, left(deadline)) !== 0;
    if (!ended) syscall(NR.kill, options.processGroup ? -child.pid : child.pid, SIGKILL);
    return { ...waitChild(child.pid), output, timedOut: !ended };
  } catch (error) {
    syscall(NR.kill, options.processGroup ? -child.pid : child.pid, SIGKILL);
    waitChild(child.pid);
    throw error;
  } finally {
    close(reader);
    if (child.pidfd >= 0) close(child.pidfd);
  }
}

function left(deadline: number): number {
  if (deadline < 0) return -1;
  const ms = deadline - performance.now();
  return ms < 0 ? 0 : ms;
}

/** A file descriptor that reads as `input` (a memfd), or /dev/null for null. */
export function inputFd(input: string | null): number {
  if (input === null) {
    return check(syscall(NR.openat, -100, cstr("/dev/null"), 0o2000000), "open /dev/null");
  }
  const fd = check(syscall(NR.memfd_create, cstr("brun-input"), 1), "memfd_create");
  const bytes = utf8(input);
  let at = 0;
  while (at < bytes.length)
    at += check(syscall(NR.write, fd, bytes.subarray(at), bytes.length - at), "write");
  check(syscall(NR.lseek, fd, 0, 0), "lseek");
  return fd;
}

/** Reads until the writers have closed the pipe, the process has ended, or the deadline has passed. */
function drain(reader: number, pidfd: number, deadline: number): string {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const poll = new Int32Array([reader, POLLIN, pidfd, POLLIN, interrupts(), POLLIN]);
  for (;;) {
    const ms = left(deadline);
    const timeout = ms < 0 ? null : timespec(ms);
    poll[1] = POLLIN;
    poll[3] = POLLIN;
    const n = syscall(NR.ppoll, poll, 3, timeout, 0, 8);
    if (n === -E.EINTR) continue;
    if (n === 0) break;
    if (n < 0) throw new SysError("poll", -n);
    if (poll[1]! >>> 16 !== 0) {
      const chunk = new Uint8Array(4096);
      const got = syscall(NR.read, reader, chunk, chunk.length);
      if (got <= 0) break;
      if (size < OUTPUT_LIMIT) chunks.push(chunk.subarray(0, got));
      size += got;
    } else if (poll[3]! >>> 16 !== 0) break;
    else throwIfInterrupted();
  }
  return fromUtf8(joined(chunks));
}
