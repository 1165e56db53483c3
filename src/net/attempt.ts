/**
 * Decodes the first packet of an attempt to reach something, and makes the ICMP message that refuses it. A
 * program with CAP_NET_RAW can make packets of any bytes.
 */
import type { Address } from "./address.ts";
import { OWN_ADDRESS } from "./table.ts";

/** The first packet of a TCP connection, or a UDP packet. */
export interface Attempt {
  readonly protocol: "TCP" | "UDP";
  /** The program's own address. */
  readonly source: Address;
  readonly address: Address;
  readonly port: number;
}

/** Protocols of IP (RFC 790, 4443). */
export const IPPROTO = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;
/** The bits of a TCP header that tell a first packet: SYN is set, and ACK is not. */
export const SYN = 0x02;
export const SYN_OR_ACK = 0x12;
/** The offset of these bits in a TCP header. */
export const TCP_FLAGS = 13;
/** The bits of an IPv4 header's bytes 6 and 7 that are not 0 in all fragments but the first. */
export const FRAGMENT = 0x1fff;

/** The number of bytes of the protocol's header that a kernel looks at in an ICMP message. */
const QUOTED = 8;
const HEADER_V6 = 40;
/** IPv6 extension headers: hop-by-hop and destination options, routing, and fragments (RFC 8200). */
const OPTIONS: readonly number[] = [0, 43, 60];
const FRAGMENT_V6 = 44;
const LOOPBACK_V6: Address = new Uint8Array(16).fill(1, 15);
/** Type 3, and code 13 "prohibited": unlike other codes, this one also ends the waiting of connected UDP sockets. */
const PROHIBITED = [3, 13] as const;
/** Type 1. A program sees code 3 as EHOSTUNREACH. Only code 1, EACCES, ends the waiting of connected UDP sockets. */
const PROHIBITED_V6 = { TCP: [1, 3], UDP: [1, 1] } as const;

/** Decodes an IP packet; null if it is cut off, or is no first packet. */
export function attemptOf(packet: Uint8Array): Attempt | null {
  const version = packet[0]! >> 4;
  const found = version === 4 ? headerV4(packet) : version === 6 ? headerV6(packet) : null;
  if (found === null) return null;
  const { header, protocol, source, address } = found;
  if (packet.length < header + QUOTED) return null;
  const port = (packet[header + 2]! << 8) | packet[header + 3]!;
  if (protocol === IPPROTO.UDP) return { protocol: "UDP", source, address, port };
  if (protocol !== IPPROTO.TCP || (packet[header + TCP_FLAGS]! & SYN_OR_ACK) !== SYN) return null;
  return { protocol: "TCP", source, address, port };
}

interface Header {
  /** The size of the IP header in bytes, with options or extension headers. */
  readonly header: number;
  readonly protocol: number;
  readonly source: Address;
  readonly address: Address;
}

function headerV4(packet: Uint8Array): Header | null {
  const header = 4 * (packet[0]! & 0xf);
  if (header < 20 || packet.length < header || (((packet[6]! << 8) | packet[7]!) & FRAGMENT) !== 0)
    return null;
  return { header, protocol: packet[9]!, source: packet.slice(12, 16), address: packet.slice(16, 20) };
}

function headerV6(packet: Uint8Array): Header | null {
  let header = HEADER_V6;
  let protocol = packet[6]!;
  while (OPTIONS.includes(protocol) || protocol === FRAGMENT_V6) {
    if (packet.length < header + QUOTED) return null;
    const isFragment = protocol === FRAGMENT_V6;
    if (isFragment && (packet[header + 2]! !== 0 || packet[header + 3]! >> 3 !== 0)) return null;
    protocol = packet[header]!;
    header += isFragment ? 8 : 8 * (packet[header + 1]! + 1);
  }
  if (packet.length < header) return null;
  return { header, protocol, source: packet.slice(8, 24), address: packet.slice(24, 40) };
}

/**
 * The IP packet that tells the program's kernel that an attempt is refused. It comes from an address of the
 * namespace itself, like a message of a router.
 * @param packet the beginning of the attempt's packet, with which {@link attemptOf} has found `attempt`
 */
export function refusalOf(packet: Uint8Array, { protocol, source }: Attempt): Uint8Array {
  return source.length === 4
    ? refusalV4(packet.subarray(0, 4 * (packet[0]! & 0xf) + QUOTED), source)
    : refusalV6(packet, source, PROHIBITED_V6[protocol]);
}

function refusalV4(quoted: Uint8Array, to: Address): Uint8Array {
  const reply = new Uint8Array(20 + 8 + quoted.length);
  const view = new DataView(reply.buffer);
  reply.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO.ICMP]);
  view.setUint16(2, reply.length);
  reply.set(OWN_ADDRESS, 12);
  reply.set(to, 16);
  view.setUint16(10, checksum(reply.subarray(0, 20)));
  reply.set(PROHIBITED, 20);
  reply.set(quoted, 28);
  view.setUint16(22, checksum(reply.subarray(20)));
  return reply;
}

function refusalV6(quoted: Uint8Array, to: Address, code: readonly [number, number]): Uint8Array {
  const size = 8 + quoted.length;
  const reply = new Uint8Array(HEADER_V6 + size);
  const view = new DataView(reply.buffer);
  reply[0] = 0x60;
  view.setUint16(4, size);
  reply.set([IPPROTO.ICMPV6, 64], 6);
  reply.set(LOOPBACK_V6, 8);
  reply.set(to, 24);
  reply.set(code, HEADER_V6);
  reply.set(quoted, HEADER_V6 + 8);
  // The sum is also over the addresses, the size and the protocol (RFC 8200, 8.1).
  view.setUint16(HEADER_V6 + 2, checksum(reply.subarray(8), size + IPPROTO.ICMPV6));
  return reply;
}

/** The checksum of the internet (RFC 1071). */
function checksum(bytes: Uint8Array, begin = 0): number {
  let sum = begin;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i]! << (i % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
