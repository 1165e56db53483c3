/** --pidfd-socket: sends the process's pidfd over a socket (compare runc's docs/terminals.md). */
import { close } from "../../sys/fs.ts";
import { connectUnix, sendFd } from "../../sys/socket.ts";
import type { Launched } from "../lifecycle/launch.ts";
import type { CreateOptions } from "../types.ts";

/** Sends a pidfd over a unix stream socket. Throws a SysError. */
export function sendPidfd(path: string, pidfd: number): void {
  const socket = connectUnix(path);
  try {
    sendFd(socket, pidfd, "pidfd");
  } finally {
    close(socket);
  }
}

/** Sends the pidfd of a new container where the flag, or crun's annotation, says. Throws a SysError. */
export function passPidfd(options: CreateOptions, launched: Launched): void {
  const path = options.pidfdSocket ?? launched.state.annotations?.["run.oci.pidfd_receiver"];
  if (path !== undefined) sendPidfd(path, launched.session.pidfd);
}
