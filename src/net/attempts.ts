/**
 * Attempts to reach a name on a port without a socket of the relay (no entry has this port), or by UDP. The
 * kernel refuses them at once. A packet(7) socket of the namespace receives copies of their first packets.
 */
import { AF } from "../sys/constants.ts";
import { addressOf, NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import type { Address } from "./address.ts";
import { DNS_PORT } from "./dns-message.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { receive, SOL_SOCKET } from "./socket.ts";
import { RANGE } from "./table.ts";

/** The first packet of a connection, or a UDP packet. */
export interface Attempt {
  readonly protocol: "TCP" | "UDP";
  readonly address: Address;
  readonly port: number;
}

const ETH_P_IP = 0x0800;
const LOOPBACK_INDEX = 1;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUF = 8;
const TCP = 6;
const UDP = 17;
/** The number of packets that are read in one turn. The kernel drops packets if the buffer is full. */
const BATCH = 64;
const BUFFER = 65_536;
/** The number of bytes that are read of a packet: an IP header with options, and the ports. */
const SEEN = 64;

/** struct sock_filter (linux/filter.h): code, instructions to skip if true and if false, value. */
type Instruction = readonly [code: number, yes: number, no: number, value: number];

/** Opcodes of classic BPF. */
const LOAD = {
  byte: 0x30,
  word: 0x20,
  byteBehindHeader: 0x50,
  halfBehindHeader: 0x48,
  header: 0xb1,
} as const;
const AND = 0x54;
const EQUAL = 0x15;
const RETURN = 0x06;
/**
 * SKF_AD_OFF + SKF_AD_PKTTYPE. The socket sees a packet of the loopback device twice: as it is sent, and as
 * it is received.
 */
const PACKET_TYPE = 0xfffff004;
const PACKET_OUTGOING = 4;
const SYN = 0x02;
const SYN_OR_ACK = 0x12;

/**
 * Accepts packets to the range of names: the first packet of a TCP connection, and UDP packets except those
 * from and to port 53.
 */
const FILTER: readonly Instruction[] = [
  [LOAD.byte, 0, 0, PACKET_TYPE],
  [EQUAL, 15, 0, PACKET_OUTGOING],
  [LOAD.word, 0, 0, 16],
  [AND, 0, 0, (0xffffffff << (32 - RANGE.bits)) >>> 0],
  [EQUAL, 0, 12, new DataView(RANGE.base.buffer).getUint32(0)],
  [LOAD.header, 0, 0, 0],
  [LOAD.byte, 0, 0, 9],
  [EQUAL, 4, 0, UDP],
  [EQUAL, 0, 8, TCP],
  [LOAD.byteBehindHeader, 0, 0, 13],
  [AND, 0, 0, SYN_OR_ACK],
  [EQUAL, 4, 5, SYN],
  [LOAD.halfBehindHeader, 0, 0, 0],
  [EQUAL, 3, 0, DNS_PORT],
  [LOAD.halfBehindHeader, 0, 0, 2],
  [EQUAL, 1, 0, DNS_PORT],
  [RETURN, 0, 0, SEEN],
  [RETURN, 0, 0, 0],
];

/**
 * Reports the attempts.
 * @param fd a packet socket that is not bound to a protocol yet. If the kernel refuses the filter, it is
 * closed, and no attempt is reported.
 */
export function watchAttempts(loop: Loop, fd: number, told: (attempt: Attempt) => void): void {
  if (fd < 0) return;
  if (!listen(fd)) {
    close(fd);
    return;
  }
  const packet = new Uint8Array(SEEN);
  loop.add(fd, EPOLL.IN, () => {
    for (let i = 0; i < BATCH; i++) {
      const n = receive(fd, packet);
      if (n < 0) return;
      const attempt = attemptOf(packet.subarray(0, n));
      if (attempt !== null) told(attempt);
    }
  });
}

function listen(fd: number): boolean {
  const code = new Uint8Array(8 * FILTER.length);
  const view = new DataView(code.buffer);
  FILTER.forEach(([op, yes, no, value], i) => {
    view.setUint16(8 * i, op, true);
    code.set([yes, no], 8 * i + 2);
    view.setUint32(8 * i + 4, value, true);
  });
  // struct sock_fprog: the number of instructions, and their address.
  const program = new BigUint64Array([BigInt(FILTER.length), BigInt(addressOf(code))]);
  const size = new Int32Array([BUFFER]);
  const at = new Uint8Array(20); // struct sockaddr_ll
  new DataView(at.buffer).setUint16(0, AF.PACKET, true);
  new DataView(at.buffer).setUint16(2, ETH_P_IP);
  new DataView(at.buffer).setInt32(4, LOOPBACK_INDEX, true);
  return (
    syscall(NR.setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.byteLength) === 0 &&
    syscall(NR.setsockopt, fd, SOL_SOCKET, SO_RCVBUF, size, size.byteLength) === 0 &&
    syscall(NR.bind, fd, at, at.length) === 0
  );
}

/** Decodes an IP packet that has passed the filter; null if it is cut off. */
function attemptOf(packet: Uint8Array): Attempt | null {
  const header = 4 * (packet[0]! & 0xf);
  if (packet.length < header + 4) return null;
  return {
    protocol: packet[9] === UDP ? "UDP" : "TCP",
    address: packet.slice(16, 20),
    port: (packet[header + 2]! << 8) | packet[header + 3]!,
  };
}
