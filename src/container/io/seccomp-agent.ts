/** Handing a seccomp notification descriptor to its agent, with the container process state. */
import { BrunError } from "../../errors.ts";
import { SysError } from "../../sys/error.ts";
import { close } from "../../sys/fs.ts";
import { connectUnix, sendFd } from "../../sys/socket.ts";
import { stateForHooks } from "../lifecycle/hooks.ts";
import type { SeccompListener } from "../state/exec-info.ts";
import type { StoredState } from "../state/store.ts";
import type { Status } from "../types.ts";

/**
 * Sends the descriptor and closes it (config-linux.md#containerprocessstate).
 * @param pid of the process that the filter is on
 * Throws a BrunError when the agent cannot be reached.
 */
export function sendToAgent(
  listener: SeccompListener,
  fd: number,
  pid: number,
  state: StoredState,
  status: Status,
): void {
  const path = listener.listenerPath;
  if (!path) {
    throw new BrunError("SCMP_ACT_NOTIFY needs an agent", {
      where: "linux.seccomp.listenerPath",
      hint: "set it to the agent's socket",
    });
  }
  const message = JSON.stringify({
    ociVersion: state.ociVersion,
    fds: ["seccompFd"],
    pid,
    metadata: listener.listenerMetadata,
    state: JSON.parse(stateForHooks(state, status)),
  });
  try {
    const socket = connectUnix(path);
    try {
      sendFd(socket, fd, message);
    } finally {
      close(socket);
      close(fd);
    }
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new BrunError(error.message, {
      where: "linux.seccomp.listenerPath",
      hint: "is the agent running?",
    });
  }
}
