/** `brun create`: a container that waits for `start`. */
import { Message, sendMessage } from "../stage/messages.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { launch } from "./launch.ts";
import { passPidfd } from "./pidfd-socket.ts";
import { unlock } from "./store.ts";
import type { CreateOptions, Runtime } from "./types.ts";

/** Creates a container. Throws a BrunError or SysError, and leaves nothing behind then. */
export function create(rt: Runtime, options: CreateOptions): void {
  const launched = launch(rt, options, { waitForStart: true, detached: true });
  passPidfd(options, launched);
  sendMessage(launched.socket, Message.run);
  syscall(NR.close, launched.socket);
  unlock(launched.locked);
  rt.mark?.("created");
}
