/** `brun start`: lets a created container execute its program. */

import { BrunError } from "../errors.ts";
import { variable } from "../sys/environment.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { close, O, POLLERR, tryOpen, unlink, waitFd, writeFd } from "../sys/fs.ts";
import { holdSignals, ignoreInterrupts, releaseSignals } from "../sys/interrupt.ts";
import { destroy } from "./delete.ts";
import { runPoststart } from "./hooks.ts";
import { openProcess } from "./process.ts";
import { type StartFailure, startFailure, startFailureOfFront } from "./start-failure.ts";
import { statusOf } from "./status.ts";
import { lock, paths, requireState, type StoredState, unlock } from "./store.ts";
import { killAndWait } from "./terminate.ts";
import type { Runtime } from "./types.ts";

/** Starts a container. Throws a BrunError unless it is created. */
export function start(rt: Runtime, id: string): void {
  // Without the lock: it may be long until the container says that it is ready.
  startLocked(rt, id)?.forward();
}

function startLocked(rt: Runtime, id: string): Notifications | null {
  const locked = lock(rt.root, id);
  try {
    const stored = requireState(rt.root, id);
    const status = statusOf(rt.root, stored, true);
    const { fifo } = paths(rt.root, id);
    // The front may have been here first. Its process is then dead, or dying, which looks like running for a moment.
    if (status !== "created") failed(rt, stored, startFailureOfFront(rt.root, stored, fifo));
    if (status === "stopped") throw hasStopped(id);
    if (status !== "created") {
      const what =
        status === "running" ? "an already running container" : `a container in the ${status} state`;
      throw new BrunError(`cannot start ${what}`, {
        code: "ERR_STATE",
        hint: `it was started before; \`brun exec ${id} PROGRAM\` runs a further one in it`,
      });
    }
    if (stored.hooks?.poststart !== undefined) holdSignals();
    const notify = variable("NOTIFY_SOCKET") ? openNotifications(rt, stored) : null;
    const fd = tryOpen(fifo, O.WRONLY | O.NONBLOCK);
    if (fd === -E.ENXIO) throw hasStopped(id);
    if (fd < 0) throw new SysError(`open ${fifo}`, -fd);
    unlink(fifo);
    writeFd(fd, "0", fifo);
    // The reader is close-on-exec: when it is gone, the program has been executed, or has failed to.
    waitForExec(rt, stored, fd);
    const failure = startFailure(rt.root, stored, fd);
    close(fd);
    failed(rt, stored, failure);
    rt.mark?.("program executed");
    started(rt, stored);
    return notify;
  } finally {
    unlock(locked);
    releaseSignals();
  }
}

/** Throws a BrunError when the program could not be executed. */
function failed(rt: Runtime, stored: StoredState, failure: StartFailure | null): void {
  if (failure === null) return;
  if (failure.hook) end(rt, stored);
  throw failure.error;
}

/** Waits until the stage is gone from the FIFO. A signal that is held ends the container. Throws an Interrupted then. */
function waitForExec(rt: Runtime, stored: StoredState, fd: number): void {
  try {
    waitFd(fd, POLLERR);
  } catch (error) {
    end(rt, stored);
    throw error;
  }
}

interface Notifications {
  forward(): void;
}

/** The container's notification socket, see notify.ts; few have one. */
function openNotifications(rt: Runtime, { id, pid, startTime }: StoredState): Notifications | null {
  const { forwardReady, openNotify } = require("./notify.ts") as typeof import("./notify.ts");
  const pidfd = openProcess(pid, startTime);
  const sockets = pidfd < 0 ? null : openNotify(rt.root, id, rt.debug);
  return sockets && { forward: () => forwardReady(sockets, pid, pidfd) };
}

/** A poststart hook that fails ends the container (runtime.md#lifecycle, step 10). Throws a BrunError. */
function started(rt: Runtime, stored: StoredState): void {
  try {
    runPoststart(stored);
  } catch (error) {
    end(rt, stored);
    throw error;
  }
}

/** Stops the container, destroys it and runs its poststop hooks: steps 13 and 14 of runtime.md#lifecycle. */
function end(rt: Runtime, stored: StoredState): void {
  ignoreInterrupts();
  killAndWait(stored);
  destroy(rt, stored);
}

function hasStopped(id: string): BrunError {
  return new BrunError("cannot start a container that has stopped", {
    code: "ERR_STATE",
    hint: `remove it by brun delete ${id}, and create it again`,
  });
}
