/**
 * The agent that hears of a container's system calls and lets them happen (seccomp_unotify(2)): a process in the background.
 * A createRuntime hook starts it and a poststop hook has it write the profile. Nothing of it needs rights.
 */
import { BrunError } from "../../errors.ts";
import type { Hook, Hooks } from "../../spec/index.ts";
import { parseSpec, toJson, toSharedJson } from "../../spec/index.ts";
import { parseJson } from "../../spec/json.ts";
import type { Seccomp } from "../../spec/seccomp.ts";
import { E } from "../../sys/errno.ts";
import { check, SysError } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import {
  access,
  close,
  mkdirAll,
  O,
  open,
  POLLIN,
  readTextIfThere,
  replaceFile,
  timespec,
  unlink,
  W_OK,
} from "../../sys/fs.ts";
import { bindUnix, connectUnix, receiveWithFd, SOCK_STREAM } from "../../sys/socket.ts";
import { spawn } from "../../sys/spawn.ts";
import { fromUtf8, utf8 } from "../../sys/utf8.ts";
import { syscallOf } from "./names.ts";
import { allowedNames, recordedProfile } from "./profile.ts";

/** A container whose calls are recorded. */
export interface RecordPlace {
  /** Of brun's state directory. */
  readonly directory: string;
  /** Of the container. */
  readonly id: string;
}

/** What is recorded: an argument of the hook that starts the agent. */
export interface RecordRequest {
  /** Absolute path of the profile. */
  readonly file: string;
  /** The filter that the profile is a part of; null: none. */
  readonly filter: Seccomp | null;
}

/** Directory of the state directory; no container can have that name. */
export function recordDirectory(stateDirectory: string): string {
  return `${stateDirectory}/@record`;
}

/** Where the agent is asked. */
export function agentSocket({ directory, id }: RecordPlace): string {
  return `${directory}/${id}.sock`;
}

/** Throws a BrunError when the profile could not be written at the end. */
export function checkRecordFile(file: string): void {
  const fail = (why: string, hint?: string): never => {
    throw new BrunError(`the profile ${file} ${why}`, { where: "--seccomp-record", hint });
  };
  const directory = file.slice(0, file.lastIndexOf("/")) || "/";
  if (access(directory, W_OK) !== 0)
    fail(`cannot be written: ${directory} is not there, or not yours to write to`);
  try {
    earlier(file);
  } catch {
    fail("is there, and is no profile that could be added to", "name another file, or remove this one");
  }
}

/** The names that the file allows already. Throws for one that is no profile. */
function earlier(file: string): string[] {
  const text = readTextIfThere(file);
  if (text === null || text.trim() === "") return [];
  const spec = `{"ociVersion":"1.3.0","process":{"cwd":"/","args":["true"]},"root":{"path":"/"},"linux":{"seccomp":${text}}}`;
  return allowedNames(parseSpec(spec, file).spec.linux!.seccomp!);
}

/**
 * The hooks that start and end it, after those that are there.
 * @param hook a hook that runs `brun sandbox-hook` with these words
 */
export function withRecordHooks(
  hooks: Hooks | undefined,
  { directory, id }: RecordPlace,
  request: RecordRequest,
  hook: OwnHook,
): Hooks {
  const of = (operation: string, ...more: string[]) =>
    hook([operation, "seccomp-record", directory, id, ...more]);
  return {
    ...hooks,
    createRuntime: [...(hooks?.createRuntime ?? []), of("start", toJson(request, ""))],
    poststop: [...(hooks?.poststop ?? []), of("finish")],
  };
}

/** Makes a hook that is brun itself. */
export type OwnHook = (words: readonly string[]) => Hook;

/**
 * Starts the agent.
 * @param request a {@link RecordRequest} as JSON
 * @param self the command line that runs brun
 */
export function startAgent(place: RecordPlace, request: string, self: readonly string[]): void {
  mkdirAll(place.directory, 0o700);
  unlink(agentSocket(place));
  const socket = bindUnix(agentSocket(place), SOCK_STREAM);
  const nothing = open("/dev/null", O.RDWR);
  try {
    check(syscall(NR.listen, socket, BACKLOG), "listen for the stage");
    const { directory, id } = place;
    const [path = ""] = self;
    spawn({
      path,
      argv: [...self, "sandbox-hook", "serve", "seccomp-record", directory, id, request, `${socket}`],
      env: [],
      stdio: [nothing, nothing, nothing],
      keepFd: socket,
      processGroup: true,
    });
  } finally {
    close(socket);
    close(nothing);
  }
}

const BACKLOG = 16;
const FINISH = "finish";
const DONE = "done";

/** Has the agent write the profile and end. Throws a BrunError with what it says. */
export function finishAgent(place: RecordPlace): void {
  let socket: number;
  try {
    socket = connectUnix(agentSocket(place));
  } catch (error) {
    // It was never started, or has given up waiting.
    if (error instanceof SysError && error.errno === E.ENOENT) return;
    unlink(agentSocket(place));
    throw error;
  }
  const word = utf8(FINISH);
  check(syscall(NR.write, socket, word, word.length), "ask for the profile");
  const answer = new Uint8Array(4096);
  const length = Math.max(0, syscall(NR.read, socket, answer, answer.length));
  close(socket);
  const said = fromUtf8(answer.subarray(0, length));
  if (said !== DONE)
    throw new BrunError(said || "the agent has ended without a profile", { where: "--seccomp-record" });
}

const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const NOTIF_SET_FLAGS = 0x40082104;
/** Linux 6.6: whoever made the call and the agent take turns on one processor. */
const SYNC_WAKE_UP = 1;
/** struct seccomp_notif, and where what of it is read. */
const NOTIF = { size: 80, nr: 16, arch: 20 } as const;
/** struct seccomp_notif_resp. */
const RESPONSE = { size: 24, flags: 20 } as const;
const CONTINUE = 1;
/** How long the poststop hook may be away when the container has ended. */
const PATIENCE_MS = 60_000;

/** The calls that were seen: numbers by architecture. */
type Seen = Map<number, Set<number>>;

/** Is the agent, until the poststop hook has asked for the profile and nobody is under the filter any more. */
export function serveAgent(place: RecordPlace, request: string, socket: number): void {
  const seen: Seen = new Map();
  const listeners: number[] = [];
  let asking = -1;
  let heard = false;
  for (;;) {
    if (listeners.length === 0 && asking >= 0) break;
    const poll = new Int32Array([socket, ...listeners].flatMap((fd) => [fd, POLLIN]));
    const patience = heard && listeners.length === 0 ? timespec(PATIENCE_MS) : null;
    const ready = syscall(NR.ppoll, poll, poll.length / 2, patience, 0, 8);
    if (ready === 0) break;
    if (ready === -E.EINTR) continue;
    check(ready, "wait for system calls");
    for (let i = listeners.length - 1; i >= 0; i--) {
      const events = poll[2 * i + 3]! >>> 16;
      if ((events & POLLIN) !== 0) answer(listeners[i]!, seen);
      else if (events !== 0) close(listeners.splice(i, 1)[0]!);
    }
    if (poll[1]! >>> 16 === 0) continue;
    const caller = syscall(NR.accept4, socket, 0, 0, O.CLOEXEC);
    if (caller < 0) continue;
    const { length, fd } = receiveWithFd(caller, new Uint8Array(MESSAGE), "brun");
    if (fd >= 0) {
      listeners.push(fd);
      heard = true;
      syscall(NR.ioctl, fd, NOTIF_SET_FLAGS, SYNC_WAKE_UP);
    } else if (length > 0) asking = caller;
    if (asking !== caller) close(caller);
  }
  // A container that could not be made has done nothing.
  const result = utf8(heard ? written(request, seen) : DONE);
  if (asking >= 0) syscall(NR.write, asking, result, result.length);
  unlink(agentSocket(place));
}

const MESSAGE = 65536;

const notif = new Uint8Array(NOTIF.size);
const notified = new DataView(notif.buffer);
const response = new Uint8Array(RESPONSE.size);
new DataView(response.buffer).setUint32(RESPONSE.flags, CONTINUE, true);

/** Writes a call down, and lets it happen. */
function answer(listener: number, seen: Seen): void {
  notif.fill(0);
  // Whoever made the call may have been killed meanwhile.
  if (syscall(NR.ioctl, listener, NOTIF_RECV, notif) < 0) return;
  response.set(notif.subarray(0, 8));
  syscall(NR.ioctl, listener, NOTIF_SEND, response);
  const arch = notified.getUint32(NOTIF.arch, true);
  const numbers = seen.get(arch) ?? new Set();
  if (numbers.size === 0) seen.set(arch, numbers);
  numbers.add(notified.getInt32(NOTIF.nr, true));
}

/** Writes the profile; returns what is said to the hook. */
function written(request: string, seen: Seen): string {
  try {
    const { file, filter } = parseJson(request, "the request", true) as RecordRequest;
    const names = new Set(earlier(file));
    for (const [arch, numbers] of seen) {
      for (const nr of numbers) {
        const name = syscallOf(arch, nr);
        if (name !== null) names.add(name);
      }
    }
    replaceFile(file, `${toSharedJson(recordedProfile(filter, names), "  ")}\n`, 0o644);
    return DONE;
  } catch (error) {
    return `the profile cannot be written: ${(error as Error).message}`;
  }
}
