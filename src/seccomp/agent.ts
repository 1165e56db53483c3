/**
 * Agents: background processes that are notified of a container's system calls and let them happen
 * (seccomp_unotify(2)). A createRuntime hook starts an agent, and a poststop hook asks it for its result. None
 * of this needs privileges.
 */
import { BrunError } from "../errors.ts";
import type { Hook, Hooks } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, mkdirAll, O, open, readFd, unlink, writeFd } from "../sys/fs.ts";
import { POLLIN, timespec } from "../sys/poll.ts";
import { bindUnix, connectUnix, receiveWithFd, SOCK_STREAM } from "../sys/socket.ts";
import { spawn } from "../sys/spawn.ts";
import { fromUtf8 } from "../sys/utf8.ts";

/** The task of an agent: a word of `brun sandbox-hook`. */
export type AgentPurpose = "seccomp-record" | "audit";

/** A container with an agent. */
export interface AgentPlace {
  /** The directory of agents' sockets, see {@link agentDirectory}. */
  readonly directory: string;
  /** The container's id. */
  readonly id: string;
}

/** The directory of agents' sockets in the state directory. No container can have this name. */
export function agentDirectory(stateDirectory: string): string {
  return `${stateDirectory}/@agent`;
}

/** The socket of an agent: linux.seccomp.listenerPath. */
export function agentSocket({ directory, id }: AgentPlace): string {
  return `${directory}/${id}.sock`;
}

/** Makes a hook that runs brun itself with these words. */
export type OwnHook = (words: readonly string[]) => Hook;

/**
 * Adds the hooks that start and end an agent, after the existing ones.
 * @param request the agent's request as JSON
 * @param hook makes a hook that runs `brun sandbox-hook` with these words
 */
export function withAgentHooks(
  hooks: Hooks | undefined,
  purpose: AgentPurpose,
  { directory, id }: AgentPlace,
  request: string,
  hook: OwnHook,
): Hooks {
  const of = (operation: string) => hook([operation, purpose, directory, id, request]);
  return {
    ...hooks,
    createRuntime: [...(hooks?.createRuntime ?? []), of("start")],
    poststop: [...(hooks?.poststop ?? []), of("finish")],
  };
}

/**
 * Starts an agent.
 * @param self the command line that runs brun
 */
export function startAgent(
  purpose: AgentPurpose,
  place: AgentPlace,
  request: string,
  self: readonly string[],
): void {
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
      argv: [...self, "sandbox-hook", "serve", purpose, directory, id, request, `${socket}`],
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

/** Asks an agent for its result; null if there is no agent any more. Throws a BrunError if it was killed. */
export function askAgent(place: AgentPlace): string | null {
  let socket: number;
  try {
    socket = connectUnix(agentSocket(place));
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    unlink(agentSocket(place));
    // The agent was never started, or has given up waiting.
    if (error.errno === E.ENOENT) return null;
    throw new BrunError(`the agent has ended before the container: ${error.message}`);
  }
  try {
    writeFd(socket, FINISH, "to the agent");
    return fromUtf8(readFd(socket, "what the agent says"));
  } finally {
    close(socket);
  }
}

const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const NOTIF_SET_FLAGS = 0x40082104;
/** Linux 6.6: the process that makes the call and the agent take turns on one processor. */
const SYNC_WAKE_UP = 1;
/** The size of struct seccomp_notif, and the offsets of the fields that are read. */
const NOTIF = { size: 80, pid: 8, nr: 16, arch: 20, args: 32 } as const;
/** struct seccomp_notif_resp. */
const RESPONSE = { size: 24, flags: 20 } as const;
const CONTINUE = 1;
/** How long an agent waits for the poststop hook after the container has ended. */
const PATIENCE_MS = 60_000;

/** The reactions of an agent. */
export interface Ears {
  /**
   * Called for each system call before it happens.
   * @param args its arguments
   */
  readonly hear: (arch: number, nr: number, thread: number, args: DataView) => void;
  /** The text for the poststop hook at the end. */
  readonly result: () => string;
}

/**
 * Runs an agent. It ends when the poststop hook has asked and no process has the filter any more, or when no hook
 * asks for a minute after the container's end.
 */
export function serveAgent(place: AgentPlace, socket: number, ears: Ears): void {
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
      if ((events & POLLIN) !== 0) answer(listeners[i]!, ears);
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
  // A container that could not be made has made no calls.
  const result = heard ? ears.result() : "";
  unlink(agentSocket(place));
  if (asking >= 0) writeFd(asking, result, "to the poststop hook");
}

const MESSAGE = 65536;

const notif = new Uint8Array(NOTIF.size);
const notified = new DataView(notif.buffer);
const args = new DataView(notif.buffer, NOTIF.args);
const response = new Uint8Array(RESPONSE.size);
new DataView(response.buffer).setUint32(RESPONSE.flags, CONTINUE, true);

/** Reports a call, and lets it happen. */
function answer(listener: number, { hear }: Ears): void {
  notif.fill(0);
  // The process that made the call may have been killed meanwhile.
  if (syscall(NR.ioctl, listener, NOTIF_RECV, notif) < 0) return;
  const thread = notified.getUint32(NOTIF.pid, true);
  hear(notified.getUint32(NOTIF.arch, true), notified.getInt32(NOTIF.nr, true), thread, args);
  response.set(notif.subarray(0, 8));
  syscall(NR.ioctl, listener, NOTIF_SEND, response);
}
