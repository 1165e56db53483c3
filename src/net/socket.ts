/** Non-blocking sockets of IPv4 and IPv6, by raw system calls. */
import { AF, SOCK } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check, SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import type { Address } from "./address.ts";

/** The level of options that all sockets have. */
export const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
const SO_REUSEPORT = 15;
const SO_PEERCRED = 17;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_WR = 1;
const MSG_NOSIGNAL = 0x4000;
/** The size of struct sockaddr_in6, the larger one. */
export const SOCKADDR_SIZE = 28;

/** An address with a port. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

function sockaddr({ address, port }: Endpoint): Uint8Array {
  const v4 = address.length === 4;
  const bytes = new Uint8Array(v4 ? 16 : SOCKADDR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v4 ? AF.INET : AF.INET6, true);
  view.setUint16(2, port);
  bytes.set(address, v4 ? 4 : 8);
  return bytes;
}

/** Decodes a struct sockaddr_in or sockaddr_in6; null for another one, or one that is cut off. */
export function endpointOf(bytes: Uint8Array): Endpoint | null {
  if (bytes.length < 2) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const family = view.getUint16(0, true);
  const [start, end] = family === AF.INET ? [4, 8] : [8, 24];
  if ((family !== AF.INET && family !== AF.INET6) || bytes.length < end) return null;
  return { address: bytes.slice(start, end), port: view.getUint16(2) };
}

function setOption(fd: number, level: number, option: number, ...values: number[]): void {
  const value = new Int32Array(values);
  check(syscall(NR.setsockopt, fd, level, option, value, value.byteLength), "set an option of a socket");
}

function getOption(fd: number, option: number, into: Int32Array): number {
  return syscall(NR.getsockopt, fd, SOL_SOCKET, option, into, new Int32Array([into.byteLength]));
}

/** Binds a TCP socket, and makes it listen. Throws a SysError. */
export function listenOn(fd: number, at: Endpoint): void {
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // The DNS server has one address on a port that another socket may have on all addresses.
  setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  bindTo(fd, at);
  check(syscall(NR.listen, fd, 4096), `listen on port ${at.port}`);
}

/** Binds a socket. Throws a SysError. */
export function bindTo(fd: number, at: Endpoint): void {
  const bytes = sockaddr(at);
  check(syscall(NR.bind, fd, bytes, bytes.length), `bind port ${at.port}`);
}

/** The next connection, or -errno. -EAGAIN means that there is none. */
export function accept(listener: number): number {
  return syscall(NR.accept4, listener, 0, 0, SOCK.NONBLOCK | SOCK.CLOEXEC);
}

/**
 * The address and port of this end. For an accepted connection they are the ones that the client has dialled.
 * Throws a SysError.
 */
export function localEnd(fd: number): Endpoint {
  const bytes = new Uint8Array(SOCKADDR_SIZE);
  const length = new Int32Array([SOCKADDR_SIZE]);
  check(syscall(NR.getsockname, fd, bytes, length), "ask for the address of a socket");
  return endpointOf(bytes)!;
}

/** A TCP socket that is connecting to another host. An event tells the end of that. Throws a SysError. */
export function dialTcp(to: Endpoint): number {
  return dial(SOCK.STREAM, to);
}

/** A UDP socket that sends to and receives from one host only. Throws a SysError. */
export function dialUdp(to: Endpoint): number {
  return dial(SOCK.DGRAM, to);
}

function dial(type: number, to: Endpoint): number {
  const family = to.address.length === 4 ? AF.INET : AF.INET6;
  const fd = check(syscall(NR.socket, family, type | SOCK.NONBLOCK | SOCK.CLOEXEC, 0), "make a socket");
  const bytes = sockaddr(to);
  const result = syscall(NR.connect, fd, bytes, bytes.length);
  if (result === 0 || result === -E.EINPROGRESS) return fd;
  close(fd);
  throw new SysError("connect", -result);
}

/** The errno if a connection could not be made; 0 if it is made. */
export function dialError(fd: number): number {
  const value = new Int32Array(1);
  const result = getOption(fd, SO_ERROR, value);
  return result < 0 ? -result : value[0]!;
}

/** The process that listens at or has connected the other end of a Unix socket. Throws a SysError. */
export function peerPid(fd: number): number {
  const credentials = new Int32Array(3); // struct ucred: pid, uid, gid
  check(getOption(fd, SO_PEERCRED, credentials), "ask for the other end of a socket");
  return credentials[0]!;
}

/** Sets options of a stream's end: small writes are not delayed, and a vanished peer is noticed. */
export function tune(fd: number): void {
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/** Makes close(2) send a reset. */
export function resetAtClose(fd: number): void {
  setOption(fd, SOL_SOCKET, SO_LINGER, 1, 0);
}

/** Ends the sending direction of a connection. */
export function endWriting(fd: number): void {
  syscall(NR.shutdown, fd, SHUT_WR);
}

/** Receives bytes. The result is their number, 0 at the end, or -errno. */
export function receive(fd: number, into: Uint8Array): number {
  return syscall(NR.recvfrom, fd, into, into.length, 0, 0, 0);
}

/** Sends bytes. The result is their number, or -errno. */
export function send(fd: number, data: Uint8Array): number {
  return syscall(NR.sendto, fd, data, data.length, MSG_NOSIGNAL, 0, 0);
}

/** Receives a datagram. `length` is its size or -errno, `from` the sender's address. */
export function receiveFrom(fd: number, into: Uint8Array): { length: number; from: Uint8Array } {
  const from = new Uint8Array(SOCKADDR_SIZE);
  const size = new Int32Array([SOCKADDR_SIZE]);
  const length = syscall(NR.recvfrom, fd, into, into.length, 0, from, size);
  return { length, from: from.subarray(0, size[0]) };
}

/** Sends a datagram to an address of {@link receiveFrom}. */
export function sendBack(fd: number, data: Uint8Array, to: Uint8Array): void {
  syscall(NR.sendto, fd, data, data.length, MSG_NOSIGNAL, to, to.length);
}
