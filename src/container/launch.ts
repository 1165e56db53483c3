/**
 * Makes a container up to the point where nothing can fail any more (procReady). create and run share it.
 */
import { type Caller, currentCaller } from "../../rootless/caller.ts";
import { writeMaps } from "../../rootless/mapping.ts";
import { loadSubids } from "../../rootless/subid.ts";
import { validateMaps, validatePermitted } from "../../rootless/validate.ts";
import { resolve } from "../config/resolve.ts";
import type { ContainerConfig } from "../config/types.ts";
import { BrunError } from "../errors.ts";
import { firstProgram, secondProgram } from "../init/standard.ts";
import { loadSpec, type Spec } from "../spec/index.ts";
import { launchStage, type Stage } from "../stage/launch.ts";
import { Message, sendMessage } from "../stage/messages.ts";
import { absolute, close, S, tryStat } from "../sys/fs.ts";
import { waitChild } from "../sys/spawn.ts";
import { Console } from "./console.ts";
import { Conversation } from "./conversation.ts";
import type { SeccompListener } from "./exec-info.ts";
import { currentOomScoreAdj, currentRlimits, gatherFacts } from "./facts.ts";
import { prepareSeccomp } from "./filter.ts";
import { runRuntimeHooks, stateForHooks } from "./hooks.ts";
import { listenFds } from "./listen-fds.ts";
import { type Notify, prepareNotify } from "./notify.ts";
import { writePidFile } from "./pid-file.ts";
import { processStat } from "./process.ts";
import { callerIdentity, isRootless } from "./root.ts";
import { sendToAgent } from "./seccomp-agent.ts";
import {
  claim,
  type Locked,
  makeFifo,
  remove,
  type StoredState,
  saveExecInfo,
  saveState,
  unlock,
} from "./store.ts";
import type { CreateOptions, Runtime } from "./types.ts";

/** A container whose process waits for procRun. The caller unlocks. */
export interface Launched {
  readonly config: ContainerConfig;
  readonly state: StoredState;
  readonly locked: Locked;
  readonly socket: number;
  readonly pid: number;
  readonly pidfd: number;
  /** The pty master in foreground mode, else -1. */
  readonly terminal: number;
  readonly notify: Notify | null;
  readonly conversation: Conversation;
}

/** How create and run differ. */
export interface LaunchMode {
  /** Block on exec.fifo until `start`. */
  readonly waitForStart: boolean;
  /** The terminal, if any, goes to the console socket; without it, to us. */
  readonly detached: boolean;
}

/** Makes the container. Throws a BrunError or SysError, and leaves nothing behind then. */
export function launch(rt: Runtime, options: CreateOptions, mode: LaunchMode): Launched {
  const bundle = absolute(options.bundle);
  const { spec, warnings } = loadSpec(options.config ?? `${bundle}/config.json`);
  rt.mark?.("config.json read and checked");
  for (const warning of warnings) rt.warn(warning);
  const console = new Console(spec.process?.terminal === true, mode.detached, options.consoleSocket);
  const locked = claim(rt.root, options.id);
  let stage: Stage | null = null;
  let conversation: Conversation | null = null;
  try {
    stage = launchStage(preserved(options));
    rt.mark?.("stage started");
    const caller = currentCaller();
    const notify = prepareNotify(rt.root, options.id, spec);
    const config = decide(rt, options, mode, bundle, spec, caller, notify);
    rt.mark?.("config decided");
    const program = firstProgram(config);
    rt.mark?.(`program compiled: ${program.count} operations, ${program.bytes.length} bytes`);
    conversation = new Conversation(stage.socket);
    conversation.send(program, () => firstProgram(config, true).ops);
    rt.mark?.("program sent");
    const launched = converse(rt, { options, bundle, config, caller, console, locked, conversation, notify });
    waitChild(stage.pid);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, launched.pid);
    rt.mark?.("container ready");
    return launched;
  } catch (error) {
    abandon(stage, conversation);
    remove(rt.root, options.id);
    unlock(locked);
    throw error;
  }
}

/** Ends the stage, and reaps it so that no process is left when brun ends. */
function abandon(stage: Stage | null, conversation: Conversation | null): void {
  if (stage === null) return;
  close(stage.socket);
  conversation?.kill();
  try {
    waitChild(stage.pid);
  } catch {
    // It has been reaped already.
  }
}

function preserved(options: CreateOptions): number {
  return options.preserveFds + listenFds().count;
}

function decide(
  rt: Runtime,
  options: CreateOptions,
  mode: LaunchMode,
  bundle: string,
  spec: Spec,
  caller: Caller,
  notify: Notify | null,
): ContainerConfig {
  const identity = callerIdentity();
  const rootless = rt.rootless === "auto" ? isRootless(identity) : rt.rootless;
  const resolved = resolve({
    spec: notify === null ? spec : notify.spec,
    bundle,
    caller,
    rootless,
    addUserNamespace: rootless && (identity.euid !== 0 || rt.rootless === true),
    subids: () => loadSubids(caller.uid, caller.userName),
    rlimits: rootless ? currentRlimits((spec.process?.rlimits ?? []).map((l) => l.type)) : new Map(),
    oomScoreAdj: rootless && spec.process?.oomScoreAdj !== undefined ? currentOomScoreAdj() : -1000,
  });
  checkRootfs(resolved.rootfs);
  checkPreserved(options.preserveFds);
  if (resolved.maps !== null) {
    validateMaps(resolved.maps);
    if (!caller.privileged) validatePermitted(resolved.maps, caller, loadSubids(caller.uid, caller.userName));
  }
  return {
    ...resolved,
    id: options.id,
    bundle,
    privileged: !rootless && resolved.maps === null,
    facts: gatherFacts(resolved.spec, bundle, resolved.rootfs),
    seccomp: prepareSeccomp(rt, options.id, resolved.spec),
    noPivot: options.noPivot,
    newKeyring: !options.noNewKeyring,
    preserveFds: preserved(options),
    extraEnv: [...listenFds().env, ...(notify?.env ?? [])],
    execFifo: mode.waitForStart ? makeFifo(rt.root, options.id) : null,
  };
}

function checkRootfs(rootfs: string): void {
  const stat = tryStat(rootfs);
  if (typeof stat === "number") {
    throw new BrunError(`the root file system ${rootfs} cannot be reached`, {
      where: "root.path",
      hint: stat === -13 ? "a directory on the way to it may not be searched" : "it does not exist",
    });
  }
  if ((stat.mode & S.IFMT) !== S.IFDIR)
    throw new BrunError(`${rootfs} is not a directory`, { where: "root.path" });
}

/** Descriptors that were asked for have to be open, or brun's own would end up in the container. */
function checkPreserved(count: number): void {
  for (let fd = 3; fd < 3 + count; fd++) {
    const stat = tryStat(`/proc/self/fd/${fd}`, true);
    if (typeof stat === "number") {
      throw new BrunError(`file descriptor ${fd} is not open`, { where: "--preserve-fds" });
    }
  }
}

interface Parts {
  readonly options: CreateOptions;
  readonly bundle: string;
  readonly config: ContainerConfig;
  readonly caller: Caller;
  readonly console: Console;
  readonly locked: Locked;
  readonly conversation: Conversation;
  readonly notify: Notify | null;
}

/** Answers the stage until it is ready. */
function converse(rt: Runtime, parts: Parts): Launched {
  const { options, config, caller, console, locked, conversation, notify } = parts;
  const { socket } = conversation;
  let state: StoredState | null = null;
  for (;;) {
    const message = conversation.next();
    switch (message.type) {
      case Message.pid:
        rt.mark?.(`process ${conversation.pid} exists`);
        state = describe(parts, conversation.pid);
        saveExecInfo(rt.root, options.id, {
          namespaces: config.cloneFlags | config.joins.reduce((flags, j) => flags | j.flag, 0),
          setgroups: config.setgroups,
          userNamespace: config.maps !== null || config.joins.some((j) => j.flag === 0x10000000),
          privileged: config.privileged,
          process: config.spec.process!,
          seccomp:
            config.seccomp === null
              ? undefined
              : { flags: config.seccomp.flags, listener: listenerOf(config) },
        });
        break;
      case Message.map:
        conversation.requirePid();
        writeMaps(conversation.pid, config.maps!, caller, process.env.PATH);
        rt.mark?.("ids mapped");
        sendMessage(socket, Message.resume);
        break;
      case Message.console:
        console.receive(message.fd);
        break;
      case Message.seccomp:
        conversation.requirePid();
        sendToAgent(listenerOf(config), message.fd, conversation.pid, state!, "creating");
        sendMessage(socket, Message.resume);
        break;
      case Message.hooks: {
        conversation.requirePid();
        saveState(rt.root, { ...state!, creating: true });
        const creating = stateForHooks(state!, "creating");
        runRuntimeHooks(config.spec.hooks?.prestart ?? [], "hooks.prestart", creating);
        runRuntimeHooks(config.spec.hooks?.createRuntime ?? [], "hooks.createRuntime", creating);
        rt.mark?.("hooks run");
        conversation.send(secondProgram(config, creating), () => secondProgram(config, creating, true).ops);
        break;
      }
      case Message.ready:
        conversation.requirePid();
        saveState(rt.root, state!);
        return {
          config,
          state: state!,
          locked,
          socket,
          pid: conversation.pid,
          pidfd: conversation.pidfd,
          terminal: console.master,
          notify,
          conversation,
        };
      default:
        throw new BrunError(`unexpected message ${message.type} from the stage`);
    }
  }
}

function listenerOf(config: ContainerConfig): SeccompListener {
  const { listenerPath, listenerMetadata } = config.spec.linux?.seccomp ?? {};
  return { ...(listenerPath && { listenerPath }), ...(listenerMetadata && { listenerMetadata }) };
}

/** RFC 3339 in UTC with nanoseconds, as Go prints time.Time. */
function timestamp(): string {
  const iso = new Date().toISOString();
  return iso.replace("Z", "000000Z");
}

function describe(parts: Parts, pid: number): StoredState {
  const { config, options } = parts;
  const { annotations, hooks, ociVersion } = config.spec;
  const { poststart, poststop } = hooks ?? {};
  return {
    version: 1,
    ociVersion,
    id: options.id,
    bundle: parts.bundle,
    rootfs: config.rootfs,
    created: timestamp(),
    pid,
    startTime: processStat(pid)?.startTime ?? "0",
    annotations,
    hooks:
      poststart || poststop ? { ...(poststart && { poststart }), ...(poststop && { poststop }) } : undefined,
  };
}
