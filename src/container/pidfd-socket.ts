/** --pidfd-socket: the process's pidfd, handed to whoever listens (runc's docs/terminals.md has its like). */
import { close } from "../sys/fs.ts";
import { connectUnix, sendFd } from "../sys/socket.ts";

/** Sends a pidfd over a unix stream socket. Throws a SysError. */
export function sendPidfd(path: string, pidfd: number): void {
  const socket = connectUnix(path);
  try {
    sendFd(socket, pidfd, "pidfd");
  } finally {
    close(socket);
  }
}
