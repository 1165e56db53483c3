/** Sync messages over the SOCK_SEQPACKET socketpair between brun and the stage. */
import { BrunError } from "../errors.ts";
import { MESSAGE_VERSION, Message, PACKET_MAX } from "../plan/abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { AF, SOCK } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { interrupts } from "../sys/interrupt.ts";
import { POLLIN, waitFd } from "../sys/poll.ts";
import { receiveWithFd } from "../sys/socket.ts";

export { Message };

/** A message from the stage. `fd` is -1 if no descriptor came with it. */
export interface Received {
  readonly type: number;
  readonly payload: DataView;
  readonly fd: number;
}

const head = layout("messageHeader");
const HEADER_SIZE = layout("messageHeader").sizeof;
const MSG_NOSIGNAL = 0x4000;

function header(type: number, length: number): Uint8Array {
  const packet = new Uint8Array(HEADER_SIZE);
  const view = new DataView(packet.buffer);
  view.setUint16(head.version, MESSAGE_VERSION, true);
  view.setUint16(head.type, type, true);
  view.setUint32(head.length, length, true);
  return packet;
}

/** A connected pair of sockets, both close-on-exec. Throws a SysError. */
export function socketPair(): readonly [number, number] {
  const pair = new Int32Array(2);
  check(syscall(NR.socketpair, AF.UNIX, SOCK.SEQPACKET | SOCK.CLOEXEC, 0, pair), "make a socket pair");
  return [pair[0]!, pair[1]!];
}

function sendPacket(fd: number, packet: Uint8Array): boolean {
  for (;;) {
    const n = syscall(NR.sendto, fd, packet, packet.length, MSG_NOSIGNAL, 0, 0);
    if (n === -E.EINTR) continue;
    // The stage is gone, but its last messages can still be received.
    if (n === -E.EPIPE || n === -E.ECONNRESET) return false;
    check(n, "send to the stage");
    return true;
  }
}

/** Sends a message without payload. Returns false if the stage is gone. */
export function sendMessage(fd: number, type: Message): boolean {
  return sendPacket(fd, header(type, 0));
}

/** Sends an encoded program. Returns false if the stage is gone. */
export function sendProgram(fd: number, program: Uint8Array): boolean {
  if (!sendPacket(fd, header(Message.program, program.length))) return false;
  for (let at = 0; at < program.length; at += PACKET_MAX) {
    if (!sendPacket(fd, program.subarray(at, at + PACKET_MAX))) return false;
  }
  return true;
}

/**
 * Receives a message, or null when the stage has closed its end (it has executed the container's process, or has
 * died).
 * @param timeoutMs milliseconds; negative waits for ever
 * @throws BrunError when the time has passed, and the errors of waitFd
 */
export function receiveMessage(fd: number, timeoutMs = -1): Received | null {
  const data = new Uint8Array(64);
  if ((timeoutMs >= 0 || interrupts() >= 0) && waitFd(fd, POLLIN, timeoutMs) === 0) {
    throw new BrunError(`the stage has not answered for ${timeoutMs / 1000} s`);
  }
  const { length: n, fd: received } = receiveWithFd(fd, data, "the stage");
  if (n === 0) return null;
  const view = new DataView(data.buffer);
  if (n < HEADER_SIZE || view.getUint16(head.version, true) !== MESSAGE_VERSION) {
    throw new BrunError("the stage speaks another version of the sync protocol");
  }
  const length = view.getUint32(head.length, true);
  return {
    type: view.getUint16(head.type, true),
    payload: new DataView(data.buffer, HEADER_SIZE, length < n - HEADER_SIZE ? length : n - HEADER_SIZE),
    fd: received,
  };
}
