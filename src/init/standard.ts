/**
 * Standard init: the programs of a new container. Reads as a table of contents; each part is a file of its own.
 *
 * There are three, so that brun and the stage work at the same time: while the stage is being cloned into its
 * namespaces, or mounts, or newuidmap and newgidmap run, brun compiles what comes next.
 *
 *   enter   from the caller's namespaces into the container's, up to the id maps
 *   build   the root file system with everything mounted
 *   finish  the rest; with hooks that need the container's state, when its pid is known
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

/** Whether hooks of the config need the state while the container is made. */
export function needsState(config: ContainerConfig): boolean {
  const hooks = config.spec.hooks;
  return any(
    [hooks?.prestart, hooks?.createRuntime, hooks?.createContainer, hooks?.startContainer],
    (list) => (list?.length ?? 0) > 0,
  );
}

/** Whether brun has something to do before the last program is sent: the hooks, or what the stage waits for in `build`. */
export function pausesBuild(config: ContainerConfig): boolean {
  return needsState(config) || movesNetDevices(config) || mappedByBrun(config).length > 0;
}

/** The container's state as JSON, as its hooks get it: while it is made, and when it is started. */
export interface HookStates {
  readonly creating: string;
  readonly created: string;
}

/** Compiles a container's config, one program after the other. Pure; throws a RangeError on a NUL byte. */
export class StandardInit {
  private readonly x: InitContext;
  private slave: Slot | null = null;

  /** @param record keep what each operation is for */
  constructor(
    config: ContainerConfig,
    private readonly record = false,
  ) {
    const b = new ProgramBuilder(record);
    this.x = initContext(config, b);
  }

  /** After {@link finish}: the index of each startContainer hook's operation. */
  get startHooks(): readonly number[] {
    return this.x.startHooks ?? [];
  }

  /** Into the namespaces. */
  enter(): Program {
    enter(this.x);
    return this.x.b.finish();
  }

  /** After {@link enter}: the root file system. */
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
   * After {@link build}: the rest.
   * @param state for the hooks that need it; null when there are none
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

/** All programs of a config, recorded for people; with hooks that need the state the last only when it is given. */
export function recordedPrograms(config: ContainerConfig, state: HookStates | null): Program[] {
  const init = new StandardInit(config, true);
  const programs = [init.enter(), init.build()];
  if (state !== null || !needsState(config)) programs.push(init.finish(state));
  return programs;
}

/** From the caller's namespaces into the container's. */
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

/** From there to a root file system with everything mounted. Returns the terminal's slave. */
function build(x: InitContext): Slot | null {
  const { b, config } = x;
  if ((config.cloneFlags & CLONE.NEWNS) !== 0) isolateMounts(x);
  timeNamespace(x);
  openLabels(x, config.spec.process!);
  // What the caller can reach the container's root may not.
  openRoot(x);
  openCallerSources(x);
  becomeRoot(x);
  ipcNamespace(x);
  // Only after the id maps, where no user namespace is joined: a process that is not dumpable cannot write its own.
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

/** From there to the container's process. */
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

/** A working directory that the root file system lacks is made, as runc does. */
function makeWorkingDirectory(x: InitContext): void {
  const cwd = x.config.spec.process?.cwd || "/";
  if (cwd === "/") return;
  x.b.at("process.cwd", { kind: "makeCwd", path: cwd });
  x.b.close(openTarget(x, cwd, { create: "dir" }));
}
