/** Sync messages over the SOCK_SEQPACKET socketpair; the framing is nsenter/message.h's. */
import { BrunError } from "../errors.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { POLLIN, waitFd } from "../sys/fs.ts";
import { interrupts } from "../sys/interrupt.ts";
import { receiveWithFd } from "../sys/socket.ts";

/** Types of messages. The first three are known to the stage, the others only pass through programs. */
export const Message = {
  /** To the stage: a program follows. */
  program: 1,
  /** The container's process exists: its pid, with its pidfd. */
  pid: 2,
  /** An operation failed: op index, errno, detail. */
  error: 3,
  /** The process is in its new user namespace and waits for the id maps. */
  map: 4,
  /** Mounts are done, the old root is still there: time for prestart and createRuntime hooks, and for the last program. */
  hooks: 5,
  /** To the stage: go on. */
  resume: 6,
  /** The pty master comes with it. */
  console: 7,
  /** The seccomp notification descriptor comes with it. */
  seccomp: 8,
  /** All that can fail has been done. */
  ready: 9,
  /** To the stage: execute the container's process. */
  run: 10,
  /** A netlink socket of the container's network namespace comes with it: time to move devices there. */
  network: 11,
  /** A detached mount comes with it, whose ids only the caller may map. */
  idmap: 12,
  /** A detached mount of a device that has been made comes with it. */
  device: 13,
  /** The namespace that tells the container's processes comes with it (src/container/own-namespace.ts). */
  namespace: 14,
} as const;
export type MessageType = (typeof Message)[keyof typeof Message];

/** A message from the stage. `fd` is -1 when none came with it. */
export interface Received {
  readonly type: number;
  readonly payload: DataView;
  readonly fd: number;
}

const VERSION = 1;
const HEADER_SIZE = 8;
const PACKET_SIZE = 32768;
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

function header(type: number, length: number, payload?: bigint): Uint8Array {
  const packet = new Uint8Array(HEADER_SIZE + (payload === undefined ? 0 : 8));
  const view = new DataView(packet.buffer);
  view.setUint16(0, VERSION, true);
  view.setUint16(2, type, true);
  view.setUint32(4, length, true);
  if (payload !== undefined) view.setBigInt64(HEADER_SIZE, payload, true);
  return packet;
}

/** A connected pair of sockets, both close-on-exec. Throws a SysError. */
export function socketPair(): readonly [number, number] {
  const pair = new Int32Array(2);
  check(syscall(NR.socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "make a socket pair");
  return [pair[0]!, pair[1]!];
}

function sendPacket(fd: number, packet: Uint8Array): boolean {
  for (;;) {
    const n = syscall(NR.sendto, fd, packet, packet.length, MSG_NOSIGNAL, 0, 0);
    if (n === -E.EINTR) continue;
    // The stage has gone: its last words are still to be received.
    if (n === -E.EPIPE || n === -E.ECONNRESET) return false;
    check(n, "send to the stage");
    return true;
  }
}

/** Sends a message without payload, or with a 64-bit value. Returns false when the stage has gone. */
export function sendMessage(fd: number, type: MessageType, value?: bigint): boolean {
  return sendPacket(fd, header(type, value === undefined ? 0 : 8, value));
}

/** Sends an encoded program. Returns false when the stage has gone. */
export function sendProgram(fd: number, program: Uint8Array): boolean {
  if (!sendPacket(fd, header(Message.program, program.length))) return false;
  for (let at = 0; at < program.length; at += PACKET_SIZE) {
    if (!sendPacket(fd, program.subarray(at, at + PACKET_SIZE))) return false;
  }
  return true;
}

/**
 * Receives a message, or null when the stage has closed its end (it has executed the container's process,
 * or has died).
 * @param timeoutMs milliseconds; negative waits for ever. Throws a BrunError when they have passed, and what waitFd does.
 */
export function receiveMessage(fd: number, timeoutMs = -1): Received | null {
  const data = new Uint8Array(64);
  if ((timeoutMs >= 0 || interrupts() >= 0) && waitFd(fd, POLLIN, timeoutMs) === 0) {
    throw new BrunError(`the stage has not answered for ${timeoutMs / 1000} s`);
  }
  const { length: n, fd: received } = receiveWithFd(fd, data, "the stage");
  if (n === 0) return null;
  const view = new DataView(data.buffer);
  if (n < HEADER_SIZE || view.getUint16(0, true) !== VERSION) {
    throw new BrunError("the stage speaks another version of the sync protocol");
  }
  const length = view.getUint32(4, true);
  return {
    type: view.getUint16(2, true),
    payload: new DataView(data.buffer, HEADER_SIZE, length < n - HEADER_SIZE ? length : n - HEADER_SIZE),
    fd: received,
  };
}
