/** `brun run`: create and start in one, in the foreground or detached. */

import { Message, sendMessage } from "../stage/messages.ts";
import { becomeSupervisor, catchEarlySignals } from "../stage/supervise.ts";
import { PR } from "../sys/constants.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { dropCgroup } from "./cgroup.ts";
import { cleanupProgram } from "./cleanup.ts";
import { runPoststart, runPoststop } from "./hooks.ts";
import { type Launched, launch } from "./launch.ts";
import { forwardReady } from "./notify.ts";
import { passPidfd } from "./pidfd-socket.ts";
import { remember, rememberable } from "./remember.ts";
import { remove, unlock } from "./store.ts";
import { drainTerminal, hostTerminal } from "./terminal.ts";
import type { RunOptions, Runtime } from "./types.ts";

/**
 * Runs a container. In the foreground this process becomes the supervisor and never returns; detached it
 * returns 0. Throws a BrunError or SysError, and leaves nothing behind then.
 */
export function run(rt: Runtime, options: RunOptions): number {
  if (!options.detach && !options.noSubreaper) syscall(NR.prctl, PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  let early = -1;
  let warned = false;
  const warn = (message: string): void => {
    warned = true;
    rt.warn(message);
  };
  const mode = { waitForStart: options.awaitStart === true, detached: options.detach };
  const launched = launch({ ...rt, warn }, options, mode);
  try {
    passPidfd(options, launched);
    // What has been warned of is to be warned of each time.
    const remembers = !warned && rememberable(rt, options, launched);
    if (!options.detach) early = catchEarlySignals();
    sendMessage(launched.socket, Message.run);
    if (!options.awaitStart) {
      launched.conversation.awaitExec();
      rt.mark?.("program executed");
      // A hook that fails stops the container (runtime.md#lifecycle, step 9).
      runPoststart(launched.state);
    }
    if (remembers) remember(rt, launched);
  } catch (error) {
    giveUp(rt, options, launched);
    unlock(launched.locked);
    throw error;
  }
  close(launched.socket);
  if (options.detach) {
    unlock(launched.locked);
    const sockets = launched.notify?.sockets;
    if (sockets) forwardReady(sockets, launched.pid, launched.pidfd);
    return 0;
  }
  try {
    return supervise(rt, options, launched, early);
  } catch (error) {
    giveUp(rt, options, launched);
    throw error;
  }
}

/** Ends and removes a container that could not be started. */
function giveUp(rt: Runtime, options: RunOptions, launched: Launched): void {
  const { conversation, terminal, config, state } = launched;
  conversation.kill();
  drainTerminal(terminal);
  dropCgroup(rt, config.cgroup);
  remove(rt.root, options.id);
  runPoststop(state, rt.warn);
}

/** Becomes the supervisor of a container that runs; never returns. Throws a SysError when the kernel refuses. */
export function supervise(
  rt: Runtime,
  options: Pick<RunOptions, "keep" | "started" | "timeout">,
  launched: Pick<Launched, "pid" | "pidfd" | "terminal" | "notify" | "locked" | "state">,
  early: number,
): never {
  const { pid, pidfd, terminal, notify, locked } = launched;
  unlock(locked);
  rt.mark?.("handing over to the supervisor");
  options.started?.();
  becomeSupervisor({
    pid,
    pidfd,
    terminal,
    host: terminal < 0 ? -1 : hostTerminal(),
    notify: notify?.sockets?.socket ?? -1,
    upstream: notify?.sockets?.upstream ?? -1,
    early,
    timeout: options.timeout,
    cleanup: options.keep ? null : cleanupProgram(rt.root, launched.state, notify !== null),
  });
}
