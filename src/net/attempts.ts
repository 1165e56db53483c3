/**
 * Attempts to reach what the list does not allow, and what no socket of the relay hears of: other ports of a
 * name, UDP, and addresses. Packet(7) sockets of the namespace receive copies of their first packets. The
 * kernel refuses some of them by itself; the relay answers the others.
 */
import { AF } from "../sys/constants.ts";
import { addressOf, NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import {
  type Attempt,
  attemptOf,
  FRAGMENT,
  IPPROTO,
  refusalOf,
  SYN,
  SYN_OR_ACK,
  TCP_FLAGS,
} from "./attempt.ts";
import { DNS_PORT } from "./dns-message.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { receive, SOL_SOCKET } from "./socket.ts";
import { RANGE } from "./table.ts";

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const LOOPBACK_INDEX = 1;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUF = 8;
/** The number of packets that are read in one turn. */
const BATCH = 64;
/**
 * The kernel gives no more than net.core.rmem_max, and drops packets if the buffer is full. A first packet of
 * TCP is sent again after a second.
 */
const BUFFER = 1 << 20;
/** The number of bytes that are read of a packet: an IP header with options, and what an answer quotes. */
const SEEN = 128;

/** struct sock_filter (linux/filter.h): code, instructions to skip if true and if false, value. */
type Instruction = readonly [code: number, yes: number, no: number, value: number];

/** Opcodes of classic BPF. */
const LOAD = {
  byte: 0x30,
  half: 0x28,
  word: 0x20,
  byteBehindHeader: 0x50,
  halfBehindHeader: 0x48,
  header: 0xb1,
} as const;
const AND = 0x54;
const EQUAL = 0x15;
const GREATER = 0x25;
const SET = 0x45;
const RETURN = 0x06;

/**
 * Accepts the first packet of a TCP connection, and UDP packets, but not those to 127.0.0.0/8, later
 * fragments, and the relay's own DNS.
 */
const FILTER_V4: readonly Instruction[] = [
  [LOAD.half, 0, 0, 6],
  [SET, 18, 0, FRAGMENT],
  [LOAD.word, 0, 0, 16],
  [AND, 0, 0, 0xff000000],
  [EQUAL, 15, 0, 0x7f000000],
  [LOAD.header, 0, 0, 0],
  [LOAD.byte, 0, 0, 9],
  [EQUAL, 4, 0, IPPROTO.UDP],
  [EQUAL, 0, 11, IPPROTO.TCP],
  [LOAD.byteBehindHeader, 0, 0, TCP_FLAGS],
  [AND, 0, 0, SYN_OR_ACK],
  [EQUAL, 7, 8, SYN],
  [LOAD.word, 0, 0, 16],
  [AND, 0, 0, (0xffffffff << (32 - RANGE.bits)) >>> 0],
  [EQUAL, 0, 4, new DataView(RANGE.base.buffer).getUint32(0)],
  [LOAD.halfBehindHeader, 0, 0, 0],
  [EQUAL, 3, 0, DNS_PORT],
  [LOAD.halfBehindHeader, 0, 0, 2],
  [EQUAL, 1, 0, DNS_PORT],
  [RETURN, 0, 0, SEEN],
  [RETURN, 0, 0, 0],
];

/** Accepts what is not to :: or ::1, unless it is ICMP or a later packet of a TCP connection. */
const FILTER_V6: readonly Instruction[] = [
  [LOAD.word, 0, 0, 24],
  [EQUAL, 0, 6, 0],
  [LOAD.word, 0, 0, 28],
  [EQUAL, 0, 4, 0],
  [LOAD.word, 0, 0, 32],
  [EQUAL, 0, 2, 0],
  [LOAD.word, 0, 0, 36],
  [GREATER, 0, 7, 1],
  [LOAD.byte, 0, 0, 6],
  [EQUAL, 0, 3, IPPROTO.TCP],
  [LOAD.byte, 0, 0, 40 + TCP_FLAGS],
  [AND, 0, 0, SYN_OR_ACK],
  [EQUAL, 1, 2, SYN],
  [EQUAL, 1, 0, IPPROTO.ICMPV6],
  [RETURN, 0, 0, SEEN],
  [RETURN, 0, 0, 0],
];

/** Called for an attempt. The result tells whether the relay has to answer it. */
export type Told = (attempt: Attempt) => boolean;

const VERSIONS = {
  v4: { protocol: ETH_P_IP, filter: FILTER_V4 },
  v6: { protocol: ETH_P_IPV6, filter: FILTER_V6 },
} as const;

/** A version of IP. */
export type Version = keyof typeof VERSIONS;

/**
 * Reports the attempts of a version of IP. The result is false if the kernel cannot do that.
 * @param fd a packet socket that is not bound to a protocol yet; -1 if the kernel has no such sockets
 */
export function watchAttempts(loop: Loop, fd: number, version: Version, told: Told): boolean {
  const { protocol, filter } = VERSIONS[version];
  if (fd < 0) return false;
  const place = loopback(protocol);
  if (!listen(fd, place, filter)) {
    close(fd);
    return false;
  }
  const buffer = new Uint8Array(SEEN);
  loop.add(fd, EPOLL.IN, () => {
    for (let i = 0; i < BATCH; i++) {
      const n = receive(fd, buffer);
      if (n < 0) return;
      const packet = buffer.subarray(0, n);
      const attempt = attemptOf(packet);
      if (attempt === null || !told(attempt)) continue;
      const answer = refusalOf(packet, attempt);
      syscall(NR.sendto, fd, answer, answer.length, 0, place, place.length);
    }
  });
  return true;
}

/** The struct sockaddr_ll (packet(7)) of the loopback device. */
function loopback(protocol: number): Uint8Array {
  const place = new Uint8Array(20);
  const view = new DataView(place.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, LOOPBACK_INDEX, true);
  return place;
}

function listen(fd: number, place: Uint8Array, filter: readonly Instruction[]): boolean {
  const code = new Uint8Array(8 * filter.length);
  const view = new DataView(code.buffer);
  filter.forEach(([op, yes, no, value], i) => {
    view.setUint16(8 * i, op, true);
    code.set([yes, no], 8 * i + 2);
    view.setUint32(8 * i + 4, value, true);
  });
  // struct sock_fprog: the number of instructions, and their address.
  const program = new BigUint64Array([BigInt(filter.length), BigInt(addressOf(code))]);
  const size = new Int32Array([BUFFER]);
  return (
    syscall(NR.setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.byteLength) === 0 &&
    syscall(NR.setsockopt, fd, SOL_SOCKET, SO_RCVBUF, size, size.byteLength) === 0 &&
    syscall(NR.bind, fd, place, place.length) === 0
  );
}
