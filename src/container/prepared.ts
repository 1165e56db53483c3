/**
 * Programs for later commands on a container, written down when it is made: the front (nsenter/front) runs them
 * without Bun. Each does its command if all is as it usually is, and otherwise nothing: then the command is done
 * here, in TypeScript, which says what is wrong. So a program has to come to the same result as the function beside whose
 * name it stands, and none is written for what a program cannot do.
 */
import { stageId } from "../../nsenter/embed.ts" with { type: "macro" };
import type { ContainerConfig } from "../config/types.ts";
import { ID_MAX, PREPARED_MAGIC } from "../plan/abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { ANY, type Label, type Policy, type Program, ProgramBuilder, type Slot } from "../stage/program.ts";
import { CLONE, IOCTL } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, O, POLLIN, writeFile } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";
import { utf8, utf8Length } from "../sys/utf8.ts";
import { removeContainer } from "./cleanup.ts";
import type { ExecInfo } from "./exec-info.ts";
import { failAt } from "./guards.ts";
import { preparedExec } from "./prepared-exec.ts";
import { describeState, stateJson } from "./state.ts";
import { paths, type StoredState } from "./store.ts";
import type { Runtime, Status } from "./types.ts";

const at = layout("preparedHeader");
const HEADER_SIZE = layout("preparedHeader").sizeof;
const stateAt = layout("telltale");
const entryAt = layout("part");
const PART_SIZE = layout("part").sizeof;
/** Of struct statx: where inode, size and ctime are; and where they go to. 4 bytes each. */
const TELLTALE = [
  [0x20, at.state + stateAt.inode],
  [0x24, at.state + stateAt.inode + 4],
  [0x28, at.state + stateAt.size],
  [0x2c, at.state + stateAt.size + 4],
  [0x60, at.state + stateAt.seconds],
  [0x64, at.state + stateAt.seconds + 4],
  [0x68, at.state + stateAt.nanoseconds],
] as const;
const STATX_BASIC_STATS = 0x7ff;
/** What is written in one piece, also to a pipe (PIPE_BUF). */
const TEXT_MAX = 4096;
const KILL_TIMEOUT_S = 10;
const LOCK_EX_NB = 6;
const SIGKILL = 9;

/** The descriptors and numbers that the front gives to a program, in its order. */
export interface Given {
  readonly b: ProgramBuilder;
  /** The container's directory. */
  readonly directory: Slot;
  /** The signal of `kill`. */
  readonly signal: Slot;
}

/** The bytes of the file, or null when none of the programs would do. */
export function prepare(
  rt: Runtime,
  config: ContainerConfig,
  state: StoredState,
  info: ExecInfo,
): Uint8Array | null {
  const { cgroup, hooks } = state;
  if (cgroup?.version === 1 || state.resctrl !== undefined || state.id.length > ID_MAX) return null;
  if (config.facts.lacking?.has("pidfd_open")) return null;
  // Without a pid namespace of its own processes of the container may outlive its first one: kill looks for them.
  const alone = (config.cloneFlags & CLONE.NEWPID) !== 0;
  // And so does delete, where no cgroup has them.
  const found = alone || cgroup !== undefined;
  const removes = found && hooks?.poststop === undefined && cgroup?.systemd === undefined;
  const exec = preparedExec(rt, config, state, info);
  return encode(state.id, [
    program((given) => prepareState(given, rt, state)),
    hooks?.poststart === undefined ? program((given) => prepareStart(given, state)) : null,
    alone ? program((given) => prepareKill(given, state)) : null,
    removes ? program((given) => prepareDelete(given, rt, state, false)) : null,
    removes ? program((given) => prepareDelete(given, rt, state, true)) : null,
    exec && program((given) => prepareGuard(given, state)),
    exec,
  ]);
}

/** Writes the file, which is good as long as state.json is as it is now. Throws a SysError. */
export function savePrepared(root: string, id: string, file: Uint8Array): void {
  const { state, prepared } = paths(root, id);
  const status = new Uint32Array(64);
  check(syscall(NR.statx, AT_FDCWD, cstr(state), 0, STATX_BASIC_STATS, status), `stat ${state}`);
  const header = new Uint32Array(file.buffer, 0, HEADER_SIZE / 4);
  each(TELLTALE, ([from, to]) => {
    header[to / 4] = status[from / 4]!;
  });
  writeFile(prepared, file, 0o600);
}

function encode(id: string, programs: readonly (Program | null)[]): Uint8Array {
  let size = HEADER_SIZE;
  const header = new Uint32Array(HEADER_SIZE / 4);
  const entries = header.subarray(at.programs / 4);
  header[at.magic / 4] = PREPARED_MAGIC;
  header[at.stage / 4] = stageId();
  for (let i = 0; i < programs.length; i++) {
    const length = programs[i]?.bytes.length ?? 0;
    const entry = (i * PART_SIZE) / 4;
    entries[entry + entryAt.offset / 4] = length === 0 ? 0 : size;
    entries[entry + entryAt.size / 4] = length;
    size += (length + 7) & ~7;
  }
  const file = new Uint8Array(size);
  file.set(new Uint8Array(header.buffer));
  file.set(utf8(id), at.id);
  for (let i = 0; i < programs.length; i++) {
    const made = programs[i];
    if (made) file.set(made.bytes, entries[(i * PART_SIZE) / 4 + entryAt.offset / 4]);
  }
  return file;
}

function program(build: (given: Given) => void): Program {
  const b = new ProgramBuilder();
  build({ b, directory: b.slot(), signal: b.slot() });
  return b.finish();
}

/** The command is done. */
function done(b: ProgramBuilder): void {
  b.sys("exit_group", [0]);
}

/** As statusOf: goes to `otherwise` when the cgroup is frozen. */
function unlessFrozen({ b }: Given, { cgroup }: StoredState, otherwise: Label): void {
  if (cgroup === undefined) return;
  const thawed = b.label();
  const path = b.str(`${cgroup.paths[""]}/cgroup.freeze`);
  const fd = b.get("openat", [AT_FDCWD, path, O.RDONLY | O.CLOEXEC, 0], {
    handle: [E.ENOENT],
    orElse: thawed,
  });
  const text = b.reserve(8, "cgroup.freeze");
  b.sys("read", [fd, text, 2]);
  b.close(fd);
  b.check(text, 1, 0xff, 0x30, E.EAGAIN, { handle: [E.EAGAIN], orElse: otherwise });
  b.mark(thawed);
}

/** state.ts. */
function prepareState(given: Given, rt: Runtime, stored: StoredState): void {
  const { b, directory } = given;
  const [otherwise, stopped, running] = [b.label(), b.label(), b.label()];
  const state = describeState(rt, stored, "created");
  const print = (status: Status, pid: number): void => {
    const text = stateJson({ ...state, status, pid });
    const length = utf8Length(text);
    if (length <= TEXT_MAX) {
      b.sys("write", [1, b.str(text), length]);
      done(b);
    } else b.sys("getpid", [], { andThen: otherwise });
  };
  b.alive(stored.pid, Number(stored.startTime), { handle: [E.ESRCH], orElse: stopped });
  unlessFrozen(given, stored, otherwise);
  const how = O.PATH | O.NOFOLLOW | O.CLOEXEC;
  b.sys("openat", [directory, b.str("exec.fifo"), how, 0], { handle: [E.ENOENT], orElse: running });
  print("created", stored.pid);
  b.mark(running);
  print("running", stored.pid);
  b.mark(stopped);
  print("stopped", 0);
  b.mark(otherwise);
}

/** Takes the container's lock, and makes sure that whoever had it before has left a container. */
function lock({ b, directory }: Given): void {
  b.sys("flock", [directory, LOCK_EX_NB]);
  const state = b.get("openat", [directory, b.str("state.json"), O.PATH | O.NOFOLLOW | O.CLOEXEC, 0]);
  b.close(state);
}

/** start.ts. */
function prepareStart(given: Given, stored: StoredState): void {
  const { b, directory } = given;
  const [otherwise, failed] = [b.label(), b.label()];
  lock(given);
  b.alive(stored.pid, Number(stored.startTime));
  unlessFrozen(given, stored, otherwise);
  const fifo = b.str("exec.fifo");
  const fd = b.get("openat", [directory, fifo, O.WRONLY | O.NONBLOCK | O.CLOEXEC, 0]);
  b.sys("unlinkat", [directory, fifo, 0], { handle: [ANY] });
  b.sys("write", [fd, b.str("0"), 1], { handle: [ANY], orElse: failed });
  // The container goes on also where its program cannot be waited for.
  const ended = b.label();
  poll(b, fd, 0, null, { handle: [ANY], orElse: ended });
  // Beside what was written there is why the program could not be executed: start-failure.ts finds the descriptor.
  const unread = b.reserve(8, "unread");
  b.sys("ioctl", [fd, IOCTL.FIONREAD, unread], { handle: [ANY], orElse: ended });
  b.check(unread, 4, 0xffffffff, 1, E.EAGAIN, { handle: [E.EAGAIN], orElse: otherwise });
  b.mark(ended);
  done(b);
  b.mark(failed);
  b.close(fd);
  b.mark(otherwise);
}

/** Waits until the descriptor has an event, as errors always are; the result is 0 when time is up. */
function poll(
  b: ProgramBuilder,
  fd: Slot,
  events: number,
  seconds: number | null,
  policy: Policy = {},
): Slot {
  const pollfd = b.bytes(new Uint8Array(new Uint32Array([0, events]).buffer), "{fd, events}");
  b.poke(pollfd, fd, 4);
  const timeout =
    seconds === null
      ? null
      : b.bytes(new Uint8Array(new Uint32Array([seconds, 0, 0, 0]).buffer), `${seconds} s`);
  return b.get("ppoll", [pollfd, 1, timeout, null, 8], policy);
}

/** As openProcess of process.ts: takes the pidfd, or goes to `gone` when the process has ended, with nothing open. */
function openProcess(given: Given, { pid, startTime }: StoredState, gone: Label): Slot {
  const { b } = given;
  const [ended, open] = [b.label(), b.label()];
  const pidfd = b.get("pidfd_open", [pid, 0], { handle: [E.ESRCH], orElse: gone });
  b.alive(pid, Number(startTime), { handle: [E.ESRCH], orElse: ended, andThen: open });
  b.mark(ended);
  b.sys("close", [pidfd], { andThen: gone });
  b.mark(open);
  return pidfd;
}

/** kill.ts, for one process. */
function prepareKill(given: Given, stored: StoredState): void {
  const { b, signal } = given;
  const otherwise = b.label();
  const failed = b.label();
  const pidfd = openProcess(given, stored, otherwise);
  b.sys("pidfd_send_signal", [pidfd, signal, null, 0], { handle: [ANY], orElse: failed });
  done(b);
  b.mark(failed);
  b.close(pidfd);
  b.mark(otherwise);
}

/** delete.ts. */
function prepareDelete(given: Given, rt: Runtime, stored: StoredState, force: boolean): void {
  const { b } = given;
  const [otherwise, gone, alive] = [b.label(), b.label(), b.label()];
  lock(given);
  const pidfd = openProcess(given, stored, gone);
  if (force) {
    b.sys("pidfd_send_signal", [pidfd, SIGKILL, null, 0], { handle: [ANY] });
    const events = b.reserve(8, "events");
    b.poke(events, poll(b, pidfd, POLLIN, KILL_TIMEOUT_S), 4);
    b.check(events, 4, 0xffffffff, 1, E.EAGAIN, { handle: [E.EAGAIN], orElse: alive });
    b.sys("close", [pidfd], { andThen: gone });
    b.mark(alive);
  }
  b.sys("close", [pidfd], { andThen: otherwise });
  b.mark(gone);
  removeContainer(b, rt.root, stored, false, otherwise, otherwise);
  done(b);
  b.mark(otherwise);
}

/** exec.ts, what can be said before a process is there: fails unless the container is as the program expects it. */
function prepareGuard(given: Given, stored: StoredState): void {
  const { b } = given;
  const otherwise = b.label();
  b.alive(stored.pid, Number(stored.startTime));
  unlessFrozen(given, stored, otherwise);
  failAt(b, otherwise);
}
