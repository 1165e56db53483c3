/**
 * Rtnetlink requests and their answers (rtnetlink(7), linux/rtnetlink.h). Not on the hot path. npm's packages for
 * it are native addons, which cannot be part of a single executable, and brun needs little of it.
 */
import { check, SysError } from "./error.ts";
import { NR, syscall } from "./ffi.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0o2000003;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const HEADER = 16;
const BUFFER = 65536;

/** Kinds of requests. */
export const RTM = {
  NEWLINK: 16,
  GETLINK: 18,
  NEWADDR: 20,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWRULE: 32,
  NEWNEXTHOP: 104,
} as const;

/** An attribute: its type and its value. */
export type Attribute = readonly [type: number, value: Uint8Array];

/** An answer: the fixed part of its family, and the attributes after it. */
export interface NetlinkMessage {
  readonly body: DataView;
  readonly attributes: ReadonlyMap<number, Uint8Array>;
}

/** Opens a netlink socket in the caller's network namespace. Throws a SysError. */
export function openNetlink(): number {
  return check(syscall(NR.socket, AF_NETLINK, SOCK_RAW_CLOEXEC, 0), "open a netlink socket");
}

/** A 32-bit value in the form of an attribute. */
export function uint32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** Makes a change and waits for the answer. Throws a SysError with the kernel's message. */
export function change(
  socket: number,
  type: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
  doing: string,
  flags = 0,
): void {
  write(socket, type, NLM_F_REQUEST | NLM_F_ACK | flags, body, attributes, doing);
  receive(socket, body.length, doing);
}

/** Requests one object. Throws a SysError. */
export function get(
  socket: number,
  type: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
  doing: string,
): NetlinkMessage {
  write(socket, type, NLM_F_REQUEST | NLM_F_ACK, body, attributes, doing);
  return receive(socket, body.length, doing)[0]!;
}

/** Requests all objects of a kind. Throws a SysError. */
export function dump(socket: number, type: number, body: Uint8Array, doing: string): NetlinkMessage[] {
  write(socket, type, NLM_F_REQUEST | NLM_F_DUMP, body, [], doing);
  return receive(socket, body.length, doing);
}

const aligned = (length: number): number => (length + 3) & ~3;

function write(
  socket: number,
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
  doing: string,
): void {
  let size = HEADER + aligned(body.length);
  for (const [, value] of attributes) size += aligned(4 + value.length);
  const message = new Uint8Array(size);
  const view = new DataView(message.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  message.set(body, HEADER);
  let at = HEADER + aligned(body.length);
  for (const [kind, value] of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, kind, true);
    message.set(value, at + 4);
    at += aligned(4 + value.length);
  }
  check(syscall(NR.write, socket, message, size), doing);
}

let received: Uint8Array | undefined;

/** Reads answers up to the acknowledgement or the end of a dump. Throws a SysError. */
function receive(socket: number, bodySize: number, doing: string): NetlinkMessage[] {
  const found: NetlinkMessage[] = [];
  for (;;) {
    // A relay asks for a route at each connection, so that a buffer each time would be much garbage.
    received ??= new Uint8Array(BUFFER);
    const size = check(syscall(NR.read, socket, received, BUFFER), doing);
    const buffer = received.slice(0, size);
    const view = new DataView(buffer.buffer);
    for (let at = 0; at + HEADER <= size; ) {
      const length = view.getUint32(at, true);
      const type = view.getUint16(at + 4, true);
      if (length < HEADER || at + length > size) throw new RangeError("netlink: a message is cut off");
      if (type === NLMSG_DONE) return found;
      if (type === NLMSG_ERROR) {
        const errno = -view.getInt32(at + HEADER, true);
        if (errno !== 0) throw new SysError(doing, errno);
        return found;
      }
      found.push(decode(buffer.subarray(at + HEADER, at + length), bodySize));
      at += aligned(length);
    }
  }
}

function decode(message: Uint8Array, bodySize: number): NetlinkMessage {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const attributes = new Map<number, Uint8Array>();
  for (let at = aligned(bodySize); at + 4 <= message.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > message.length) break;
    attributes.set(view.getUint16(at + 2, true) & 0x3fff, message.slice(at + 4, at + length));
    at += aligned(length);
  }
  return { body: view, attributes };
}
