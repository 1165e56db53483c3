/** Unix sockets: connecting, binding, passing descriptors. */

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

/** sockaddr_un of a path, or of an abstract name that begins with "@". */
function address(path: string): Uint8Array {
  const bytes = utf8(path);
  if (bytes.length > PATH_MAX) throw new SysError(`use the socket ${path}`, E.ENAMETOOLONG);
  const sockaddr = new Uint8Array(2 + bytes.length + (path.startsWith("@") ? 0 : 1));
  sockaddr[0] = AF_UNIX;
  sockaddr.set(bytes, 2);
  if (path.startsWith("@")) sockaddr[2] = 0;
  return sockaddr;
}

/** Runs `use` with a path that fits into sockaddr_un: a long one by way of its directory's descriptor. */
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

/** Sends a descriptor with some bytes beside it (unix(7) SCM_RIGHTS). Throws a SysError. */
export function sendFd(socket: number, fd: number, data: string): void {
  const bytes = utf8(data);
  const iov = new BigUint64Array([BigInt(addressOf(bytes)), BigInt(bytes.length)]);
  const control = new Uint8Array(24);
  const view = new DataView(control.buffer);
  view.setUint32(0, 20, true);
  view.setInt32(8, 1, true);
  view.setInt32(12, 1, true);
  view.setInt32(16, fd, true);
  const msghdr = new BigUint64Array(7);
  msghdr[2] = BigInt(addressOf(iov));
  msghdr[3] = 1n;
  msghdr[4] = BigInt(addressOf(control));
  msghdr[5] = 24n;
  let n: number;
  do n = syscall(NR.sendmsg, socket, msghdr, MSG_NOSIGNAL);
  while (n === -E.EINTR);
  check(n, "send a file descriptor");
}
