/**
 * Standard init: the programs of a new container. This file is a table of contents, and each part has a file of
 * its own.
 *
 * There are three programs, so that brun and the stage work at the same time. While the stage executes one, or
 * newuidmap and newgidmap run, brun compiles the next.
 *
 *   enter   from the caller's namespaces into the container's, up to the id maps
 *   build   the root file system with everything mounted
 *   finish  the rest; if hooks need the container's state, compiled when its pid is known
 */

import type { ContainerConfig } from "../config/types.ts";
import { Message } from "../plan/abi.ts";
import { type Program, ProgramBuilder, type Slot } from "../plan/program.ts";
import { CLONE } from "../sys/constants.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { any } from "../sys/lists.ts";
import { mappedByBrun, openCallerSources, openHostSources } from "./bind.ts";
import { openConsole, takeTerminal } from "./console.ts";
import { hide, type InitContext, initContext } from "./context.ts";
import { devices, openMadeDevices } from "./devices.ts";
import { finish } from "./finish.ts";
import { openHookOutput } from "./hook-output.ts";
import { runHooks } from "./hooks.ts";
import { oomScore, raiseLimits } from "./limits.ts";
import { maskedPaths, readonlyPaths } from "./masks.ts";
import { mounts } from "./mounts.ts";
import {
  becomeRoot,
  enterCgroup,
  enterNamespaces,
  ipcNamespace,
  loopback,
  mapIds,
  movesNetDevices,
  names,
  netDevices,
  sessionKeyring,
  tellNamespace,
} from "./namespaces.ts";
import { openTarget } from "./path.ts";
import { anyCpu } from "./placement.ts";
import { enterRoot, isolateMounts, openRoot, readonlyRoot } from "./rootfs.ts";
import { openLabels } from "./security-labels.ts";
import { sysctls } from "./sysctl.ts";
import { timeNamespace } from "./time.ts";
import { readonlyTmpfs } from "./tmpfs.ts";

/** Whether the config has hooks that need the container's state before or at its start. */
export function needsState(config: ContainerConfig): boolean {
  const hooks = config.spec.hooks;
  return any(
    [hooks?.prestart, hooks?.createRuntime, hooks?.createContainer, hooks?.startContainer],
    (list) => (list?.length ?? 0) > 0,
  );
}

/** Whether brun has to act before it sends the last program: for hooks, or for requests of the stage in `build`. */
export function pausesBuild(config: ContainerConfig): boolean {
  return needsState(config) || movesNetDevices(config) || mappedByBrun(config).length > 0;
}

/** The container's state as JSON for its hooks: before it is created, and at its start. */
export interface HookStates {
  readonly creating: string;
  readonly created: string;
}

/** Compiles a container's config, one program after the other. Pure. Throws a RangeError on a NUL byte. */
export class StandardInit {
  private readonly x: InitContext;
  private slave: Slot | null = null;

  /** @param record keep the purpose of each operation */
  constructor(
    config: ContainerConfig,
    private readonly record = false,
  ) {
    const b = new ProgramBuilder(record);
    this.x = initContext(config, b);
  }

  /** The index of each startContainer hook's operation; known after {@link finish}. */
  get startHooks(): readonly number[] {
    return this.x.startHooks ?? [];
  }

  /** Compiles the program that enters the namespaces. */
  enter(): Program {
    enter(this.x);
    return this.x.b.finish();
  }

  /** Compiles the program that builds the root file system. Comes after {@link enter}. */
  build(): Program {
    this.next();
    this.slave = build(this.x);
    if (pausesBuild(this.x.config)) {
      if (needsState(this.x.config)) this.x.b.at("hooks", { kind: "awaitHooks" });
      this.x.b.send(Message.hooks, null, 0);
    }
    return this.x.b.finish();
  }

  /**
   * Compiles the last program. Comes after {@link build}.
   * @param state for the hooks that need it; null if there are none
   */
  finish(state: HookStates | null): Program {
    this.next();
    complete(this.x, this.slave, state);
    return this.x.b.finish();
  }

  private next(): void {
    this.x.b = new ProgramBuilder(this.record, this.x.b);
    this.x.hows.clear();
    this.x.attributes.clear();
  }
}

/**
 * All programs of a config, recorded for people. If hooks need the state and none is given, the last program is
 * left out.
 */
export function recordedPrograms(config: ContainerConfig, state: HookStates | null): Program[] {
  const init = new StandardInit(config, true);
  const programs = [init.enter(), init.build()];
  if (state !== null || !needsState(config)) programs.push(init.finish(state));
  return programs;
}

/** Goes from the caller's namespaces into the container's. */
function enter(x: InitContext): void {
  const { b, config } = x;
  if (config.execFifo !== null) {
    b.at("start", { kind: "openFifo" });
    x.fifo = b.get("openat", [AT_FDCWD, b.str(config.execFifo), O.RDWR | O.NONBLOCK | O.CLOEXEC, 0]);
  }
  oomScore(x, config.spec.process!);
  raiseLimits(x);
  if (needsState(config)) x.hookOutput = openHookOutput(b, config.spec.annotations);
  openHostSources(x);
  openMadeDevices(x);
  enterNamespaces(x, enterCgroup(x));
  tellNamespace(x);
  b.at("process", { kind: "session" });
  b.sys("setsid", []);
  mapIds(x);
}

/** Builds the root file system with everything mounted. Returns the terminal's slave. */
function build(x: InitContext): Slot | null {
  const { b, config } = x;
  if ((config.cloneFlags & CLONE.NEWNS) !== 0) isolateMounts(x);
  timeNamespace(x);
  openLabels(x, config.spec.process!);
  // These are opened before becomeRoot: the container's root may not be able to reach them.
  openRoot(x);
  openCallerSources(x);
  becomeRoot(x);
  ipcNamespace(x);
  // Comes after the id maps if no user namespace is joined: an undumpable process cannot write its own maps.
  if (joins(x, CLONE.NEWPID) && !x.hidden) {
    b.at("linux.namespaces", { kind: "hide" });
    hide(x);
  }
  b.at("process.user.umask", { kind: "clearUmask" });
  b.sys("umask", [0]);
  sessionKeyring(x);
  names(x);
  loopback(x);
  netDevices(x);
  sysctls(x);
  mounts(x);
  devices(x);
  return openConsole(x);
}

function joins(x: InitContext, flag: number): boolean {
  return any(x.config.joins, (join) => join.flag === flag);
}

/** Completes the container and becomes its program. */
function complete(x: InitContext, slave: Slot | null, state: HookStates | null): void {
  const { spec } = x.config;
  const process = spec.process!;
  anyCpu(x);
  if (state !== null) {
    x.b.at("hooks.createContainer", { kind: "changeToRoot" });
    x.b.sys("fchdir", [x.root]);
    runHooks(x, spec.hooks?.createContainer ?? [], "hooks.createContainer", state.creating);
  }
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

/** Makes the working directory if the root file system lacks it, as runc does. */
function makeWorkingDirectory(x: InitContext): void {
  const cwd = x.config.spec.process?.cwd || "/";
  if (cwd === "/") return;
  x.b.at("process.cwd", { kind: "makeCwd", path: cwd });
  x.b.close(openTarget(x, cwd, { create: "dir", hole: true }));
}
