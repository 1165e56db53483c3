/** `brun run`: create and start in one, in the foreground or detached. */

import { finishRecording, recordedSoFar, startRecording } from "../../host/recorder.ts";
import type { Program } from "../../plan/program.ts";
import { printable } from "../../printable.ts";
import type { Session } from "../../stage/session.ts";
import { becomeSupervisor, type KeptDescriptors } from "../../stage/supervise.ts";
import { PR } from "../../sys/constants.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { absolute } from "../../sys/fs.ts";
import { keepSignals, releaseSignals, throwIfInterrupted } from "../../sys/interrupt.ts";
import { lazy } from "../../sys/lazy.ts";
import { each } from "../../sys/lists.ts";
import { forwardReady } from "../io/notify.ts";
import { passPidfd } from "../io/pidfd-socket.ts";
import { hostTerminal } from "../io/terminal.ts";
import { release, unlock } from "../state/store.ts";
import type { RunOptions, Runtime } from "../types.ts";
import { draftPlan, finishPlan, type PlanDraft } from "./cached-draft.ts";
import { keepPlan, keyOfBundle, keyOfCommand } from "./cached-files.ts";
import { unknownRequest } from "./cached-plan.ts";
import { cleanupProgram, endProgram } from "./cleanup.ts";
import { runPoststart } from "./hooks.ts";
import { giveUp, type Launched, launch } from "./launch.ts";

const cachedReasonModule = lazy<typeof import("./cached-reason.ts")>(() => require("./cached-reason.ts"));
const keptProcessModule = lazy<typeof import("../io/kept-process.ts")>(() =>
  require("../io/kept-process.ts"),
);

/**
 * Runs a container. In the foreground this process becomes the supervisor and never returns; detached it
 * returns 0. Throws a BrunError or SysError, or an Interrupted for a signal that came before the program ran, and leaves
 * nothing behind then.
 */
export function run(rt: Runtime, options: RunOptions): number {
  if (!options.detach && !options.noSubreaper) syscall(NR.prctl, PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  let early = -1;
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(`brun: warning: ${printable(message)}\n`);
    rt.warn(message);
  };
  const unknown = unknownRequest(rt, options);
  if (unknown === null && rt.debug !== undefined) tellUnused(rt, cachedKeys(rt.root, options));
  // The inputs of a container without a bundle have been recorded from the beginning.
  if (unknown === null && options.command === undefined) startRecording();
  each(options.notices ?? [], warn);
  let draft: PlanDraft | null = null;
  const launched = launch({ ...rt, warn }, options, {
    waitForStart: options.awaitStart === true,
    detached: options.detach,
    kept: options.kept,
    meanwhile: (compiled) => {
      if (unknown !== null) return;
      draft = draftPlan(rt.root, { ...compiled, recording: recordedSoFar(), warnings, options });
      rt.mark?.("plan of the next run compiled");
    },
  });
  const recording = finishRecording();
  let kept: KeptDescriptors | undefined;
  try {
    passPidfd(options, launched);
    kept = options.kept && keptDescriptors(rt, options.kept, launched);
    throwIfInterrupted();
    const { startContainer, poststart } = launched.config.spec.hooks ?? {};
    // From here on signals go to the program. But hooks may take long, and a signal ends them.
    if (!options.detach && !startContainer && !poststart) early = keepSignals();
    options.keeper?.watch(launched.state.pid, launched.state.startTime);
    launched.session.run();
    if (!options.awaitStart) {
      launched.session.awaitExec();
      rt.mark?.("program executed");
      // A hook that fails stops the container (runtime.md#lifecycle, step 9).
      runPoststart(launched.state);
    }
    if (!options.detach) early = keepSignals();
    const plan = unknown ?? finishPlan(rt.root, draft, { ...launched, recording, warnings, options });
    if (typeof plan === "string") rt.debug?.(`this plan is not cached: ${plan}`);
    else keepPlan(rt.root, plan);
  } catch (error) {
    giveUp(rt, launched);
    unlock(launched.locked);
    throw error;
  }
  launched.session.leave();
  if (options.detach) {
    unlock(launched.locked);
    releaseSignals();
    const sockets = launched.notify?.sockets;
    if (sockets) forwardReady(sockets, launched.session.pid, launched.session.pidfd);
    return 0;
  }
  try {
    return supervise(rt, options, launched, early, kept);
  } catch (error) {
    giveUp(rt, launched);
    throw error;
  }
}

/** The keys by which the file of its plan is found. */
function cachedKeys(
  root: string,
  { command, bundle, detach, noNewKeyring }: RunOptions,
): readonly (readonly string[])[] {
  if (command !== undefined) return [true, false].map((any) => keyOfCommand(command, any, root));
  return [keyOfBundle(absolute(bundle), detach, noNewKeyring)];
}

/** Says why the front has not done, or would not do, this run. */
function tellUnused({ root, debug }: Runtime, keys: readonly (readonly string[])[]): void {
  const { whyUnused } = cachedReasonModule();
  const why = whyUnused(root, keys);
  debug?.(why === null ? "there is a cached plan" : `no cached plan is used: ${why}`);
}

function keptDescriptors(
  { root }: Runtime,
  { streams, size }: NonNullable<RunOptions["kept"]>,
  { state, terminal }: Launched,
): KeptDescriptors {
  const { openKept } = keptProcessModule();
  return openKept(root, state, terminal, streams, size);
}

/** Becomes the supervisor of a container that runs; never returns. Throws a SysError when the kernel refuses. */
export function supervise(
  rt: Runtime,
  options: Pick<RunOptions, "keep" | "keeper" | "raises" | "started" | "timeout">,
  launched: Pick<Launched, "terminal" | "notify" | "locked" | "state"> & {
    readonly session: Pick<Session, "pid" | "pidfd">;
    readonly config?: Launched["config"];
    readonly namespace?: Launched["namespace"];
  },
  early: number,
  kept?: KeptDescriptors,
): never {
  const { session, terminal, notify, locked } = launched;
  release(locked);
  rt.mark?.("handing over to the supervisor");
  options.started?.();
  rt.client?.ready();
  becomeSupervisor({
    pid: session.pid,
    pidfd: session.pidfd,
    terminal: kept ? -1 : terminal,
    host: kept || terminal < 0 ? -1 : hostTerminal(),
    notify: notify?.sockets?.socket ?? -1,
    upstream: notify?.sockets?.upstream ?? -1,
    early,
    timeout: options.timeout,
    init: launched.config?.init,
    // The API, and a process in the background, want the exit code.
    raises: options.raises && rt.client === undefined && kept === undefined,
    kept,
    held: [launched.namespace ?? -1, options.keeper?.socket ?? -1],
    directory: locked.fd,
    cleanup: cleanup(rt, options, launched),
    client: rt.client?.lifeline,
    stays: options.keep && launched.state.namespace === undefined,
  });
}

function cleanup(
  { root, client }: Runtime,
  { keep, keeper }: Pick<RunOptions, "keep" | "keeper">,
  {
    state,
    namespace = -1,
    notify,
  }: Pick<Launched, "state" | "notify"> & Partial<Pick<Launched, "namespace">>,
): Program | null {
  if (state.namespace !== undefined)
    return endProgram(root, state.id, namespace, keep === true, keeper?.socket);
  return keep && client === undefined ? null : cleanupProgram(root, state, notify !== null, keeper?.socket);
}
