/** `brun start`: lets a created container execute its program. */

import { BrunError } from "../../errors.ts";
import { FIFO_FILE } from "../../plan/abi.ts";
import {
  type Compile,
  failureAt,
  type LocalFailure,
  leftByFront,
  localPlan,
  runLocal,
  unexpected,
} from "../../plan/local.ts";
import { ANY, type Program } from "../../plan/program.ts";
import { IOCTL } from "../../sys/constants.ts";
import { variable } from "../../sys/environment.ts";
import { E } from "../../sys/errno.ts";
import { close, O } from "../../sys/fs.ts";
import {
  holdSignals,
  ignoreInterrupts,
  interrupts,
  releaseSignals,
  throwIfInterrupted,
} from "../../sys/interrupt.ts";
import { lazy } from "../../sys/lazy.ts";
import { POLLERR } from "../../sys/poll.ts";
import { openProcess } from "../state/process.ts";
import { isGoneAt, lookAt, statusAt, statusOf, takeLock } from "../state/status.ts";
import { type Locked, lock, notFound, requireState, type StoredState, unlock } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { deleteStored } from "./delete.ts";
import { runPoststart } from "./hooks.ts";
import { startFailure } from "./start-failure.ts";
import { poll } from "./terminate.ts";

const notifyModule = lazy<typeof import("../io/notify.ts")>(() => require("../io/notify.ts"));

/** Starts a container. Throws a BrunError unless it is created. */
export function start(rt: Runtime, id: string): void {
  // Without the lock, because the container may take long to become ready.
  startLocked(rt, id)?.forward();
}

/** The plan of `start`. */
export function startPlan(stored: StoredState, record = false): Program {
  return localPlan((local) => {
    const { b, directory, kept, at, end } = local;
    takeLock(local);
    lookAt(local, stored, { running: null });
    at("openFifo");
    const fifo = b.str(FIFO_FILE);
    b.get("openat", [directory, fifo, O.WRONLY | O.NONBLOCK | O.CLOEXEC, 0], { out: kept });
    local.b.once();
    at("letGo");
    b.sys("unlinkat", [directory, fifo, 0], { handle: [ANY] });
    b.sys("write", [kept, b.str("0"), 1]);
    // The reader is close-on-exec: when it is gone, the program has been executed, or has failed to.
    at("awaitProgram");
    // The container goes on even if its program cannot be waited for.
    const polled = poll(local, kept, 0, null, { handle: [ANY], orElse: end });
    b.check(b.inside(polled, 6), 2, POLLERR, POLLERR, E.EINTR);
    // The FIFO also has the reason if the program could not be executed: start-failure.ts.
    at("isExecuted");
    const unread = b.reserve(8, "unread");
    b.sys("ioctl", [kept, IOCTL.FIONREAD, unread], { handle: [ANY], orElse: end });
    b.check(unread, 4, 0xffffffff, 1, E.EAGAIN);
  }, record);
}

function startLocked(rt: Runtime, id: string): Notifications | null {
  const left = leftByFront();
  const locked = left === null ? lock(rt.root, id) : { root: rt.root, id, fd: left.directory };
  try {
    const stored = requireState(rt.root, id);
    const compile: Compile = (record) => startPlan(stored, record);
    let notify: Notifications | null = null;
    let failure: LocalFailure | null;
    if (left !== null) failure = failureAt(compile, left);
    else {
      if (stored.hooks?.poststart !== undefined) holdSignals();
      notify = openNotifications(rt, stored, locked);
      failure = runLocal(compile, { directory: locked.fd, interrupts: interrupts() });
    }
    if (failure !== null) explain(rt, stored, locked, failure);
    rt.mark?.("program executed");
    poststart(rt, stored, locked);
    return notify;
  } finally {
    unlock(locked);
    releaseSignals();
  }
}

/** Throws the error for a failure of the plan, unless it turns out to be none. */
function explain(rt: Runtime, stored: StoredState, locked: Locked, failure: LocalFailure): void {
  const { step, errno, kept } = failure;
  const status = statusAt(failure);
  if (isGoneAt(failure)) throw notFound(stored.id);
  if (
    status === "stopped" ||
    (step === "openFifo" && errno === E.ENXIO) ||
    (step === "letGo" && errno === E.EPIPE)
  )
    throw new BrunError("cannot start a container that has stopped", {
      code: "ERR_STATE",
      hint: `remove it by \`brun delete ${stored.id}\`, and create it again`,
    });
  const running = step === "openFifo" && errno === E.ENOENT;
  if (running || status !== null) {
    throw new BrunError(
      `cannot start ${running ? "an already running container" : `a container in the ${status} state`}`,
      {
        code: "ERR_STATE",
        hint: `it was started before; \`brun exec ${stored.id} PROGRAM\` runs a further one in it`,
      },
    );
  }
  if (step === "awaitProgram" && errno === E.EINTR) {
    end(rt, stored, locked);
    throwIfInterrupted();
  }
  if (step !== "isExecuted") throw unexpected(failure);
  const why = startFailure(rt.root, stored, kept);
  close(kept);
  if (why?.hook) end(rt, stored, locked);
  if (why !== null) throw why.error;
}

interface Notifications {
  forward(): void;
}

/** The container's notification socket, see notify.ts; few have one. */
function openNotifications(rt: Runtime, stored: StoredState, { fd }: Locked): Notifications | null {
  const { id, pid, startTime } = stored;
  if (!variable("NOTIFY_SOCKET") || statusOf(rt.root, stored, fd) !== "created") return null;
  const { forwardReady, openNotify } = notifyModule();
  const pidfd = openProcess(pid, startTime);
  const sockets = pidfd < 0 ? null : openNotify(rt.root, id, rt.debug);
  return sockets && { forward: () => forwardReady(sockets, pid, pidfd) };
}

/** A poststart hook that fails ends the container (runtime.md#lifecycle, step 10). Throws a BrunError. */
function poststart(rt: Runtime, stored: StoredState, locked: Locked): void {
  try {
    runPoststart(stored);
  } catch (error) {
    end(rt, stored, locked);
    throw error;
  }
}

/** Stops the container, destroys it and runs its poststop hooks: steps 13 and 14 of runtime.md#lifecycle. */
function end(rt: Runtime, stored: StoredState, locked: Locked): void {
  ignoreInterrupts();
  deleteStored(rt, stored, locked, true);
}
