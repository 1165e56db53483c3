/** Unix sockets: connects, binds, passes descriptors. */

import { E } from "./errno.ts";
import { check, SysError } from "./error.ts";
import { addressOf, NR, syscall } from "./ffi.ts";
import { AT_FDCWD, close, O, open } from "./fs.ts";
import { utf8, utf8Length } from "./utf8.ts";

const AF_UNIX = 1;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const PATH_MAX = 107;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** A control message with one descriptor has 20 bytes, and 24 with its padding (cmsg(3)). */
const RIGHTS_LENGTH = 20;
const RIGHTS_SPACE = 24;

/** A sockaddr_un for a path, or for an abstract name, which begins with "@". */
function address(path: string): Uint8Array {
  const bytes = utf8(path);
  if (bytes.length > PATH_MAX) throw new SysError(`use the socket ${path}`, E.ENAMETOOLONG);
  const sockaddr = new Uint8Array(2 + bytes.length + (path.startsWith("@") ? 0 : 1));
  sockaddr[0] = AF_UNIX;
  sockaddr.set(bytes, 2);
  if (path.startsWith("@")) sockaddr[2] = 0;
  return sockaddr;
}

/**
 * Calls `use` with a path that fits into sockaddr_un. A long path is replaced by one through
 * its directory's descriptor.
 */
function withShortPath<T>(path: string, use: (path: string) => T): T {
  const slash = path.lastIndexOf("/");
  if (utf8Length(path) <= PATH_MAX || slash < 0) return use(path);
  const directory = open(path.slice(0, slash) || "/", O.PATH | O.DIRECTORY, 0, AT_FDCWD);
  try {
    return use(`/proc/self/fd/${directory}/${path.slice(slash + 1)}`);
  } finally {
    close(directory);
  }
}

/** Connects to a unix socket. Throws a SysError. */
export function connectUnix(path: string, type = SOCK_STREAM): number {
  const fd = check(syscall(NR.socket, AF_UNIX, type | SOCK_CLOEXEC, 0), "make a socket");
  const result = withShortPath(path, (short) => {
    const sockaddr = address(short);
    return syscall(NR.connect, fd, sockaddr, sockaddr.length);
  });
  if (result < 0) close(fd);
  check(result, `connect to ${path}`);
  return fd;
}

/** Binds a new unix socket. Throws a SysError. */
export function bindUnix(path: string, type = SOCK_DGRAM): number {
  const fd = check(syscall(NR.socket, AF_UNIX, type | SOCK_CLOEXEC, 0), "make a socket");
  const result = withShortPath(path, (short) => {
    const sockaddr = address(short);
    return syscall(NR.bind, fd, sockaddr, sockaddr.length);
  });
  if (result < 0) close(fd);
  check(result, `bind ${path}`);
  return fd;
}

/** A struct msghdr for data with one descriptor. The caller has to keep all three arrays alive. */
function messageHeader(data: Uint8Array, iov: BigUint64Array, control: Uint8Array): BigUint64Array {
  iov[0] = BigInt(addressOf(data));
  iov[1] = BigInt(data.length);
  const msghdr = new BigUint64Array(7);
  msghdr[2] = BigInt(addressOf(iov));
  msghdr[3] = 1n;
  msghdr[4] = BigInt(addressOf(control));
  msghdr[5] = BigInt(control.length);
  return msghdr;
}

/** Sends a descriptor with some data (unix(7) SCM_RIGHTS). Throws a SysError. */
export function sendFd(socket: number, fd: number, data: string): void {
  const bytes = utf8(data);
  const iov = new BigUint64Array(2);
  const control = new Uint8Array(RIGHTS_SPACE);
  const view = new DataView(control.buffer);
  view.setUint32(0, RIGHTS_LENGTH, true);
  view.setInt32(8, 1, true);
  view.setInt32(12, 1, true);
  view.setInt32(16, fd, true);
  const msghdr = messageHeader(bytes, iov, control);
  let n: number;
  do n = syscall(NR.sendmsg, socket, msghdr, MSG_NOSIGNAL);
  while (n === -E.EINTR);
  check(n, "send a file descriptor");
}

/**
 * Receives a message into `data`, with or without a descriptor (recvmsg(2), unix(7) SCM_RIGHTS).
 * @param from the sender for errors: "the stage"
 * @returns the number of bytes, 0 if the other end is closed; the close-on-exec descriptor, or -1
 * @throws SysError
 */
export function receiveWithFd(
  socket: number,
  data: Uint8Array,
  from: string,
): { length: number; fd: number } {
  const iov = new BigUint64Array(2);
  const control = new Uint8Array(RIGHTS_SPACE);
  const msghdr = messageHeader(data, iov, control);
  let n: number;
  // If the other end closes with unread data of brun, one call fails with ECONNRESET before its last messages can
  // be read (net/unix: a datagram socket checks for errors first).
  do n = syscall(NR.recvmsg, socket, msghdr, MSG_CMSG_CLOEXEC);
  while (n === -E.EINTR || n === -E.ECONNRESET);
  const length = check(n, `receive from ${from}`);
  const received = msghdr[5] !== 0n && control[0] === RIGHTS_LENGTH;
  return { length, fd: received ? new DataView(control.buffer).getInt32(16, true) : -1 };
}
