/** `brun create`: a container that waits for `start`. */
import { releaseSignals, throwIfInterrupted } from "../../sys/interrupt.ts";
import { passPidfd } from "../io/pidfd-socket.ts";
import { unlock } from "../state/store.ts";
import type { CreateOptions, Runtime } from "../types.ts";
import { giveUp, launch } from "./launch.ts";

/** Creates a container. Throws a BrunError or SysError, or an Interrupted for a signal, and leaves nothing behind then. */
export function create(rt: Runtime, options: CreateOptions): void {
  const launched = launch(rt, options, { waitForStart: true, detached: true });
  try {
    passPidfd(options, launched);
    throwIfInterrupted();
  } catch (error) {
    giveUp(rt, launched);
    unlock(launched.locked);
    throw error;
  }
  launched.session.run();
  launched.session.leave();
  unlock(launched.locked);
  releaseSignals();
  rt.mark?.("created");
}
