/**
 * Makes a container up to the point where nothing can fail any more (procReady). create and run share it.
 */
import { type Caller, currentCaller } from "../../../rootless/caller.ts";
import type { IdMaps } from "../../../rootless/idmap.ts";
import { startMaps } from "../../../rootless/mapping.ts";
import { tellingNamespace } from "../../config/namespaces.ts";
import type { ContainerConfig } from "../../config/types.ts";
import { compiling, uncacheable } from "../../host/recorder.ts";
import {
  type HookStates,
  needsState,
  pausesBuild,
  recordedPrograms,
  StandardInit,
} from "../../init/standard.ts";
import type { Program } from "../../plan/program.ts";
import { type LoadedSpec, loadSpec, type Spec } from "../../spec/index.ts";
import { Message } from "../../stage/messages.ts";
import { Session } from "../../stage/session.ts";
import { absolute } from "../../sys/fs.ts";
import { holdSignals, ignoreInterrupts } from "../../sys/interrupt.ts";
import { lazy } from "../../sys/lazy.ts";
import { each } from "../../sys/lists.ts";
import { Console } from "../io/console.ts";
import { preservedFds } from "../io/descriptors.ts";
import { type Kept, type KeptOptions, removeKeptLog } from "../io/kept-log.ts";
import { type Notify, prepareNotify } from "../io/notify.ts";
import { writePidFile } from "../io/pid-file.ts";
import { sendToAgent } from "../io/seccomp-agent.ts";
import { drainTerminal } from "../io/terminal.ts";
import { dropCgroup, enterDelegatedPart, limitCgroup, makeCgroup } from "../resources/cgroup.ts";
import type { ExecInfo } from "../state/exec-info.ts";
import { newState } from "../state/new-state.ts";
import { identify } from "../state/own-namespace.ts";
import {
  claim,
  type Locked,
  remove,
  type StoredState,
  saveExecInfo,
  saveState,
  unlock,
} from "../state/store.ts";
import type { Compiled, CreateOptions, LaunchMode, Runtime } from "../types.ts";
import { addsUserNamespace, decide } from "./decide.ts";
import { execInfoOf, listenerOf } from "./exec-facts.ts";
import { runCreateHooks, runPoststop, stateForHooks } from "./hooks.ts";
import { laterPlans, localPlans, saveLocalPlans } from "./local-plans.ts";
import { type FileBuilder, hasFront } from "./plan-file.ts";
import { killAndWait } from "./terminate.ts";

const procRefusalModule = lazy<typeof import("../host/proc-refusal.ts")>(() =>
  require("../host/proc-refusal.ts"),
);
const keptLogModule = lazy<typeof import("../io/kept-log.ts")>(() => require("../io/kept-log.ts"));
const netDevicesModule = lazy<typeof import("../host/net-devices.ts")>(() =>
  require("../host/net-devices.ts"),
);
const hostSourcesModule = lazy<typeof import("../host/host-sources.ts")>(() =>
  require("../host/host-sources.ts"),
);
const resctrlModule = lazy<typeof import("../resources/resctrl.ts")>(() =>
  require("../resources/resctrl.ts"),
);

/** How many plans the stage gets: `enter`, `build` and `finish`. */
const PROGRAMS = 3;

/** A container whose process waits for procRun. The caller unlocks. */
export interface Launched extends Compiled {
  readonly locked: Locked;
  readonly session: Session;
  /** The pty master in foreground mode, else -1. */
  readonly terminal: number;
  /** The namespace that tells the container's processes, held open; -1 for none. */
  readonly namespace: number;
  readonly notify: Notify | null;
}

/**
 * Makes the container; if the kernel refuses a new procfs, with the outer one. Throws a BrunError or SysError, or an Interrupted
 * for a signal, and leaves nothing behind. Signals are held back from here on.
 */
export function launch(rt: Runtime, options: CreateOptions, mode: LaunchMode): Launched {
  const bundle = absolute(options.bundle);
  const loaded =
    options.loaded ??
    compiling(() =>
      loadSpec(options.config ?? `${bundle}/config.json`, { addsUserNamespace: addsUserNamespace(rt) }),
    );
  rt.mark?.("config.json read and checked");
  for (const warning of loaded.warnings) rt.warn(warning);
  if (rt.debug !== undefined) each(loaded.notes, rt.debug);
  try {
    return launchLoaded(rt, options, mode, bundle, loaded);
  } catch (error) {
    if ((options.proc ?? "auto") !== "auto") throw error;
    const { isProcRefusal, procRefusal } = procRefusalModule();
    if (!isProcRefusal(error, loaded.spec)) throw error;
    rt.mark?.("no procfs may be mounted: once more with the outer one");
    uncacheable("no procfs may be mounted, which only shows when it is tried");
    return launchLoaded(rt, { ...options, proc: "bind" }, mode, bundle, loaded, procRefusal());
  }
}

function launchLoaded(
  rt: Runtime,
  options: CreateOptions,
  mode: LaunchMode,
  bundle: string,
  { spec }: LoadedSpec,
  procRefusal?: string,
): Launched {
  const preserveFds = compiling(() => preservedFds(options.preserveFds));
  const console = new Console(
    spec.process?.terminal === true,
    mode.detached,
    options.consoleSocket,
    mode.kept !== undefined,
  );
  holdSignals();
  const locked = claim(rt.root, options.id);
  let session: Session | null = null;
  let config: ContainerConfig | null = null;
  let states: HookStates | null = null;
  const hooks: HooksBegun = { state: null };
  let kept: Kept | undefined;
  try {
    kept = mode.kept && keep(rt, options.id, spec, mode.kept);
    session = new Session(() => recordedPrograms(config!, states), { preserveFds });
    rt.mark?.("stage started");
    const caller = compiling(currentCaller);
    const notify = prepareNotify(rt.root, options.id, spec, mode.waitForStart, rt.debug);
    config = decide({ rt, options, bundle, spec, caller, notify, procRefusal }, mode, preserveFds);
    rt.mark?.("config decided");
    if (config.cgroup !== null) makeCgroup(rt, config, config.cgroup, session.stagePid);
    const init = new StandardInit(config);
    const programs = [compiling(() => init.enter())];
    session.send(programs[0]!);
    rt.mark?.("stage sent into the namespaces");
    const finish = (made: HookStates | null) => {
      states = made;
      return compiling(() => init.finish(made));
    };
    const parts = {
      options,
      bundle,
      config,
      caller,
      console,
      locked,
      session,
      notify,
      init,
      caches: hasFront() && (mode.detached || kept !== undefined) && notify === null,
      kept,
      finish,
      programs,
      meanwhile: mode.meanwhile,
      hooks,
    };
    const launched = converse(rt, parts);
    session.reapStage();
    if (options.pidFile !== undefined) writePidFile(options.pidFile, session.pid);
    rt.mark?.("container ready");
    return launched;
  } catch (error) {
    ignoreInterrupts();
    session?.end();
    dropCgroup(rt, config?.cgroup);
    if (kept !== undefined) removeKeptLog(kept.directory);
    remove(rt.root, options.id);
    if (hooks.state !== null) runPoststop(hooks.state, rt.warn);
    unlock(locked);
    throw error;
  }
}

/** Makes the log of a container whose output is kept. Throws a BrunError. */
function keep({ root }: Runtime, id: string, { process }: Spec, { interactive }: KeptOptions): Kept {
  const { makeKeptLog } = keptLogModule();
  return { directory: makeKeptLog(root, id), terminal: process?.terminal === true, interactive };
}

/** Ends and removes a container that could not be started, as `delete` does. */
export function giveUp(rt: Runtime, launched: Launched): void {
  const { session, terminal, config, state } = launched;
  ignoreInterrupts();
  if (state.namespace !== undefined) killAndWait(state);
  session.kill();
  drainTerminal(terminal);
  dropCgroup(rt, config.cgroup);
  if (state.kept !== undefined) removeKeptLog(state.kept.directory);
  remove(rt.root, config.id);
  runPoststop(state, rt.warn);
}

/** The container's state when hooks have begun to run that poststop hooks undo; null before. */
interface HooksBegun {
  state: StoredState | null;
}

interface Parts {
  readonly options: CreateOptions;
  readonly bundle: string;
  readonly config: ContainerConfig;
  readonly caller: Caller;
  readonly console: Console;
  readonly locked: Locked;
  readonly session: Session;
  readonly notify: Notify | null;
  readonly init: StandardInit;
  /** The container outlives this command, so the plans of later commands are written. */
  readonly caches: boolean;
  readonly kept: Kept | undefined;
  /** Compiles the last plan. */
  readonly finish: (states: HookStates | null) => Program;
  /** The plans that have been sent. */
  readonly programs: Program[];
  readonly meanwhile: LaunchMode["meanwhile"];
  readonly hooks: HooksBegun;
}

/** Answers the stage until it is ready. */
function converse(rt: Runtime, parts: Parts): Launched {
  const { options, config, console, locked, session, notify, init } = parts;
  let state: StoredState | null = null;
  let cached: FileBuilder | null = null;
  let later: Launched["later"] = null;
  let info: ExecInfo | null = null;
  let namespace = -1;
  let idmapped = 0;
  // The plans of later commands and of the next run. They are compiled when the stage has all that it waits for, and its process
  // is known: brun would only wait for it.
  const compileFiles = (): void => {
    if (info === null || parts.programs.length < PROGRAMS) return;
    if (parts.caches) {
      const known = info;
      later = (made) => compiling(() => laterPlans(rt, config, made, known));
      cached = localPlans(rt, state!, later(state!), known);
      rt.mark?.("further commands compiled");
    }
    parts.meanwhile?.({ config, state: state!, programs: parts.programs, later });
  };
  // Compiled while the stage is being cloned, or below while newuidmap and newgidmap run.
  if (config.maps === null || config.selfMapped)
    sendBuild(
      rt,
      parts,
      compiling(() => init.build()),
    );
  session.until(Message.ready, {
    [Message.pid]: () => {
      rt.mark?.(`process ${session.pid} exists`);
      enterDelegatedPart(config, session.pid);
      state = newState(config, session.pid, parts.kept);
      info = execInfoOf(config);
      saveExecInfo(rt.root, options.id, info);
      compileFiles();
    },
    [Message.namespace]: (fd) => {
      namespace = fd;
      state = { ...state!, namespace: identify(tellingNamespace(config)!, fd) };
    },
    [Message.map]: () => {
      mapIds(rt, parts, config.maps!);
      compileFiles();
    },
    [Message.console]: (fd) => console.receive(fd),
    [Message.network]: (fd) => {
      const { moveNetDevices } = netDevicesModule();
      moveNetDevices(config.spec.linux?.netDevices ?? {}, session.pid, fd);
      session.resume();
    },
    [Message.idmap]: (fd) => {
      const { mapTreeIds } = hostSourcesModule();
      mapTreeIds(config, fd, idmapped++);
      session.resume();
    },
    [Message.seccomp]: (fd) => {
      sendToAgent(listenerOf(config), fd, session.pid, state!, "creating");
      session.resume();
    },
    [Message.hooks]: () => {
      sendFinish(rt, parts, needsState(config) ? runHooks(rt, parts, state!) : null);
      compileFiles();
    },
  });
  if (config.cgroup !== null) limitCgroup(rt, config, config.cgroup, session.pid);
  const made = withStartHooks(init, config, joinIntelRdt(config, state!));
  saveState(rt.root, made);
  if (cached !== null) saveLocalPlans(rt.root, options.id, cached);
  return {
    config,
    state: made,
    locked,
    session,
    terminal: console.master,
    namespace,
    notify,
    programs: parts.programs,
    later,
  };
}

/** Runs the hooks of the runtime namespace. Returns the states that the later ones get. */
function runHooks(rt: Runtime, { config, hooks }: Parts, state: StoredState): HookStates {
  // Written before the first hook, so that `delete --force` runs poststop hooks if this brun is killed.
  saveState(rt.root, { ...state, creating: true });
  hooks.state = state;
  const creating = stateForHooks(state, "creating");
  runCreateHooks(config.spec.hooks, creating);
  rt.mark?.("hooks run");
  return { creating, created: stateForHooks(state, "created") };
}

/**
 * Sends what makes the root file system, and while the stage is at that the rest, unless brun has to do something before.
 * @param last the rest, if it has been compiled
 */
function sendBuild(rt: Runtime, parts: Parts, program: Program, last: Program | null = null): void {
  send(rt, parts, "build", program);
  if (!pausesBuild(parts.config)) sendFinish(rt, parts, null, last);
}

function sendFinish(
  rt: Runtime,
  parts: Parts,
  states: HookStates | null,
  program: Program | null = null,
): void {
  send(rt, parts, "finish", program ?? parts.finish(states));
}

function send(rt: Runtime, { session, programs }: Parts, name: string, program: Program): void {
  session.send(program);
  programs.push(program);
  rt.mark?.(`${name} compiled and sent: ${program.count} operations, ${program.bytes.length} bytes`);
}

/** The list by which `start` finds out which startContainer hook has failed; few containers have such hooks. */
function withStartHooks(
  { startHooks }: StandardInit,
  { spec }: ContainerConfig,
  state: StoredState,
): StoredState {
  if (startHooks.length === 0) return state;
  const hooks = spec.hooks!.startContainer!;
  return { ...state, startHooks: startHooks.map((op, i) => [op, hooks[i]!.path] as const) };
}

/** Has the ids mapped while the next plans are compiled: newuidmap and newgidmap take longer than that. */
function mapIds(rt: Runtime, parts: Parts, maps: IdMaps): void {
  const { session, caller, init } = parts;
  const mapped = startMaps(session.pid, maps, caller);
  const program = compiling(() => init.build());
  const last = pausesBuild(parts.config) ? null : parts.finish(null);
  mapped();
  rt.mark?.("ids mapped");
  session.resume();
  sendBuild(rt, parts, program, last);
}

/** linux.intelRdt; nearly no container has it. */
export function joinIntelRdt(config: ContainerConfig, state: StoredState): StoredState {
  const rdt = config.spec.linux?.intelRdt;
  if (rdt === undefined) return state;
  const { joinResctrl, resctrlMount } = resctrlModule();
  return { ...state, resctrl: joinResctrl(resctrlMount(), rdt, config.id, state.pid) ?? undefined };
}
