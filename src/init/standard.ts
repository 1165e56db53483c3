/**
 * Standard init: the program of a new container. Reads as a table of contents; each part is a file of its own.
 *
 * The program is in two when hooks need the container's state, which holds a pid that is not known before the
 * first has run: it ends with procHooks, and the second is compiled when the hooks of the runtime namespace
 * have run. Without such hooks there is one program.
 */
import type { ContainerConfig } from "../config/types.ts";
import { Message } from "../stage/messages.ts";
import { type Program, ProgramBuilder, type Slot } from "../stage/program.ts";
import { CLONE, PR } from "../sys/constants.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { openCallerSources, openHostSources } from "./bind.ts";
import { openConsole, takeTerminal } from "./console.ts";
import type { InitContext } from "./context.ts";
import { devices } from "./devices.ts";
import { finish } from "./finish.ts";
import { runHooks } from "./hooks.ts";
import { oomScore } from "./limits.ts";
import { maskedPaths, readonlyPaths } from "./masks.ts";
import { mounts } from "./mounts.ts";
import {
  becomeRoot,
  enterNamespaces,
  loopback,
  mapIds,
  names,
  openCgroup,
  sessionKeyring,
} from "./namespaces.ts";
import { openTarget } from "./path.ts";
import { enterRoot, isolateMounts, openRoot, readonlyRoot } from "./rootfs.ts";
import { sysctls } from "./sysctl.ts";
import { readonlyTmpfs } from "./tmpfs.ts";

/** Whether hooks of the config need the state while the container is made. */
export function needsState(config: ContainerConfig): boolean {
  const hooks = config.spec.hooks;
  return [hooks?.prestart, hooks?.createRuntime, hooks?.createContainer, hooks?.startContainer].some(
    (list) => (list?.length ?? 0) > 0,
  );
}

/** The first program: everything, or with hooks that need the state all up to procHooks. Pure. */
export function firstProgram(config: ContainerConfig, record = false): Program {
  return compile(config, record, null).first;
}

/** The container's state as JSON, as its hooks get it: while it is made, and when it is started. */
export interface HookStates {
  readonly creating: string;
  readonly created: string;
}

/** The second program, for a config with hooks that need the state. Pure. */
export function secondProgram(config: ContainerConfig, state: HookStates, record = false): Program {
  return compile(config, record, state).second!;
}

/** Throws a RangeError when a string holds a NUL byte. */
function compile(
  config: ContainerConfig,
  record: boolean,
  state: HookStates | null,
): { first: Program; second: Program | null } {
  const b = new ProgramBuilder(record);
  const x: InitContext = { config, b, root: b.slot(), fifo: null, hows: new Map() };
  const slave = firstHalf(x);
  if (!needsState(config)) {
    secondHalf(x, slave, null);
    return { first: b.finish(), second: null };
  }
  b.at("hooks", "wait for the hooks of the runtime namespace");
  b.send(Message.hooks, null, 0);
  const first = b.finish();
  if (state === null) return { first, second: null };
  x.b = new ProgramBuilder(record, b.slots);
  x.hows.clear();
  secondHalf(x, slave, state);
  return { first, second: x.b.finish() };
}

/** From the caller's namespaces to a root file system with everything mounted. */
function firstHalf(x: InitContext): Slot | null {
  const { b, config } = x;
  const process = config.spec.process!;
  if (config.execFifo !== null) {
    b.at("start", "open exec.fifo");
    x.fifo = b.get("openat", [AT_FDCWD, b.str(config.execFifo), O.RDONLY | O.NONBLOCK | O.CLOEXEC, 0]);
  }
  oomScore(x, process);
  openHostSources(x);
  enterNamespaces(x, openCgroup(x));

  b.at("process", "start a session");
  b.sys("setsid", []);
  const ownMounts = (config.cloneFlags & CLONE.NEWNS) !== 0;
  if (ownMounts) isolateMounts(x);
  mapIds(x);
  // What the caller can reach the container's root may not.
  openRoot(x);
  openCallerSources(x);
  becomeRoot(x);
  hide(x);
  b.at("process.user.umask", "clear the umask");
  b.sys("umask", [0]);
  sessionKeyring(x);
  names(x);
  loopback(x);
  sysctls(x);

  mounts(x);
  devices(x);
  return openConsole(x);
}

/**
 * In namespaces that other containers live in, none of their processes may look into or trace this one before
 * execve (CVE-2016-9962). After the id maps: a process that is not dumpable cannot write its own.
 */
function hide(x: InitContext): void {
  if (!x.config.joins.some((join) => join.flag === CLONE.NEWPID || join.flag === CLONE.NEWUSER)) return;
  x.b.at("linux.namespaces", "hide from the processes of joined namespaces");
  x.b.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0]);
}

/** From there to the container's process. */
function secondHalf(x: InitContext, slave: Slot | null, state: HookStates | null): void {
  const { spec } = x.config;
  const process = spec.process!;
  if (state !== null) runHooks(x, spec.hooks?.createContainer ?? [], "hooks.createContainer", state.creating);
  makeWorkingDirectory(x);
  readonlyPaths(x);
  maskedPaths(x);
  readonlyTmpfs(x);
  readonlyRoot(x);
  enterRoot(x);
  if (slave !== null) takeTerminal(x, slave);

  finish(
    x,
    process,
    state === null ? null : { hooks: spec.hooks?.startContainer ?? [], state: state.created },
  );
}

/** A working directory that the root file system lacks is made, as runc does. */
function makeWorkingDirectory(x: InitContext): void {
  const cwd = x.config.spec.process?.cwd || "/";
  if (cwd === "/") return;
  x.b.at("process.cwd", `make the working directory ${cwd}`);
  x.b.close(openTarget(x, cwd, { create: "dir" }));
}
