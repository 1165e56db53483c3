/** Makes a container without a bundle: with the kernel's overlays, with fuse-overlayfs, or with refused directories read-only. */

import { noteKept } from "../changes/kept.ts";
import { Redirection } from "../container/io/kept-streams.ts";
import { run } from "../container/lifecycle/run.ts";
import type { CreateOptions, RunOptions, Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { compiling, uncacheable } from "../host/recorder.ts";
import { makeHosts, makeResolvConf } from "../sandbox/connect.ts";
import { makeFakeRootFiles } from "../sandbox/fake-root.ts";
import { fuseDirectory, fuseObstacle, fuseServes, mountFuse, unmountFuse } from "../sandbox/fuse.ts";
import { networkDirectory } from "../sandbox/network.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import { type Sandbox, type SandboxLimits, sandboxSpec } from "../sandbox/spec.ts";
import { fileSystemType } from "../sandbox/tree.ts";
import { makeUpperDirectories, upperObstacle } from "../sandbox/upper.ts";
import { claimUpper } from "../sandbox/upper-lock.ts";
import type { HostView } from "../sandbox/view.ts";
import { mkdirAll } from "../sys/fs.ts";
import { holdSignals } from "../sys/interrupt.ts";
import { lazy } from "../sys/lazy.ts";
import { inBackground } from "./background.ts";
import { absoluteIfGiven } from "./container-flags.ts";
import { timeoutMs } from "./duration.ts";
import type { Values } from "./flags.ts";
import { recordedAs, type WordsOfCommand } from "./sandbox-cached.ts";
import { asUsage, checked, refusedOverlay, withFlag } from "./sandbox-errors.ts";
import type { sandboxRunFlags } from "./sandbox-flags.ts";
import { Machine, viewOf } from "./sandbox-machine.ts";
import { logSize } from "./sandbox-options.ts";

const recordModule = lazy<typeof import("../seccomp/record/record.ts")>(() =>
  require("../seccomp/record/record.ts"),
);
const takenNames = lazy<typeof import("../sandbox/taken-names.ts")>(() =>
  require("../sandbox/taken-names.ts"),
);

type Args = Values<typeof sandboxRunFlags>;

/** {@link sandboxSpec}, with errors that name the flags. */
export function decided(...parameters: Parameters<typeof sandboxSpec>): Sandbox {
  return asUsage(() => sandboxSpec(...parameters));
}

/** Runs it detached: this is the process in the background, which becomes its supervisor. */
export function startInBackground(
  rt: Runtime,
  options: SandboxOptions,
  view: HostView,
  manner: Manner,
  readyFd: number,
): number {
  const tellCaller = inBackground(readyFd);
  const { args } = manner;
  const { interactive } = args;
  const size = logSize(args["log-opt"]);
  const redirection = new Redirection(interactive, options.terminal);
  const kept = { interactive, size, streams: redirection.streams };
  const started = () => {
    redirection.leave();
    tellCaller(options.id);
  };
  try {
    return start(redirection.quiet(rt), options, view, { ...manner, kept, started });
  } catch (error) {
    redirection.restore();
    throw error;
  }
}

/** Options of the run that are no flags. */
interface Manner extends Pick<RunOptions, "kept" | "started"> {
  /** The command by which the plan is cached. */
  readonly command?: WordsOfCommand | undefined;
  readonly args: Args;
}

/** Overlays that one directory after the other turn out to be impossible: after that many all of them are left out. */
const REFUSALS = 3;

/**
 * Runs it. If the kernel's overlays do not suffice or are refused, it uses fuse-overlayfs, or makes refused directories
 * read-only.
 */
export function start(rt: Runtime, options: SandboxOptions, view: HostView, manner: Manner): number {
  const machine = new Machine(view, () => viewOf(rt));
  // Held as long as this process is brun.
  const flag = options.keep === undefined ? "--upper" : "--keep";
  if (options.upper !== undefined) claimUpper(options.upper, { root: rt.root, id: options.id }, flag);
  if (options.overlay === "fuse") return startWithFuse(rt, options, machine, manner);
  const byFuse = options.overlay === "auto" && fuseObstacle(view) === null && fuseServes(options, view);
  const without = new Set<string>();
  const told = new Set<string>();
  let all = false;
  for (;;) {
    const { view } = machine;
    const limits: SandboxLimits = { noOverlay: all || without };
    const sandbox = compiling(() => decided(options, view, limits));
    if (byFuse && sandbox.wanting !== null) {
      rt.debug?.(`${sandbox.wanting}: fuse-overlayfs does it`);
      return startWithFuse(rt, options, machine, manner);
    }
    const notices = without.size === 0 ? untold(sandbox.notices, told) : [];
    if (options.upper !== undefined && sandbox.spec.mounts?.some(({ type }) => type === "overlay")) {
      const obstacle = upperObstacle(options.upper, flag, view, false);
      if (obstacle !== null && byFuse) return startWithFuse(rt, options, machine, manner);
      if (obstacle !== null) throw obstacle;
    }
    noteIfKept(options, sandbox);
    if (options.upper !== undefined) makeUpperDirectories(sandbox.spec);
    makeFiles(options, sandbox, rt);
    try {
      return runKept(rt, sandbox, {
        ...runOptions(options, sandbox, manner),
        ...recordedAs(options, sandbox, manner.command),
        notices,
      });
    } catch (error) {
      uncacheable("the kernel has refused what was compiled first");
      if (machine.hasChanged(error)) continue;
      const refused = refusedOverlay(sandbox, error);
      if (refused === null || all) throw withFlag(sandbox, error);
      if (byFuse) {
        rt.debug?.(`${(error as Error).message}: fuse-overlayfs does it`);
        return startWithFuse(rt, options, machine, manner);
      }
      const obstacle = options.upper === undefined ? null : upperObstacle(options.upper, flag, view, true);
      if (obstacle !== null) throw obstacle;
      without.add(refused);
      // Wherever they are.
      const stacked = fileSystemType(view.mounts, refused) === "overlay";
      all = without.size >= REFUSALS || stacked;
      const why = stacked ? "the kernel puts no third overlay over two: " : "";
      const what = `${why}${all ? "all directories are" : `${refused} is`}`;
      const say = options.overlay === "none" || options.readOnly ? rt.debug : rt.warn;
      say?.(`${(error as Error).message}: ${what} read-only instead`);
    }
  }
}

/** The warnings that have not been printed yet; they count as printed from now on. */
function untold(notices: readonly string[], told: Set<string>): string[] {
  const fresh = notices.filter((notice) => !told.has(notice));
  for (const notice of notices) told.add(notice);
  return fresh;
}

function startWithFuse(rt: Runtime, options: SandboxOptions, machine: Machine, manner: Manner): number {
  const obstacle = fuseObstacle(machine.view);
  if (obstacle !== null) throw new BrunError(obstacle.why, { where: "--overlay fuse", hint: obstacle.hint });
  const fuse = { directory: fuseDirectory(rt.root), id: options.id };
  const lower = options.root.kind === "host" ? "/" : options.root.path;
  for (;;) {
    const { view } = machine;
    const sandbox = decided(options, view, { fuse });
    const loaded = runOptions(options, sandbox, manner);
    makeFiles(options, sandbox, rt);
    // Until run() has made the container there is no poststop hook that unmounts it.
    holdSignals();
    noteIfKept(options, sandbox);
    mountFuse(fuse, lower, options.upper, view);
    try {
      return runKept(rt, sandbox, loaded);
    } catch (error) {
      unmountFuse(fuse);
      if (!machine.hasChanged(error)) throw withFlag(sandbox, error);
    }
  }
}

/** Runs it while the names that --rw protects are taken. */
function runKept(rt: Runtime, { protection }: Sandbox, options: RunOptions): number {
  if (protection.files.length + protection.taken.length === 0) return run(rt, options);
  const keeper = new (takenNames().NameKeeper)(protection);
  rt.mark?.(`${protection.taken.length} names taken below --rw`);
  try {
    return run(rt, { ...options, keeper });
  } catch (error) {
    keeper.end();
    throw error;
  }
}

/** With --keep: writes down what is kept. Throws a BrunError. */
function noteIfKept({ keep, root }: SandboxOptions, { spec }: Sandbox): void {
  if (keep === undefined) return;
  const flag =
    root.kind === "host" ? "--host" : root.image ? `--image ${root.image}` : `--rootfs ${root.path}`;
  const points = (overlays: boolean) =>
    (spec.mounts ?? [])
      .filter(({ type }) => (type === "overlay") === overlays)
      .map(({ destination }) => destination);
  const path = root.kind === "host" ? "/" : root.path;
  noteKept(keep, { root: path, flag, places: points(true), covers: points(false) });
}

export function createOptions(options: SandboxOptions, { spec }: Sandbox): CreateOptions {
  return {
    id: options.id,
    bundle: options.root.kind === "host" ? "/" : options.root.path,
    loaded: checked(spec),
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    // Id maps that come from the flags are in the config already.
    proc: options.proc,
    realRoot: options.root.kind === "host" || options.root.real,
    userns: spec.linux?.uidMappings === undefined ? options.userns : "auto",
  };
}

function runOptions(options: SandboxOptions, sandbox: Sandbox, manner: Manner): RunOptions {
  const { args, kept, started } = manner;
  return {
    ...createOptions(options, sandbox),
    pidFile: absoluteIfGiven(args["pid-file"] ?? args.pidfile),
    detach: false,
    keep: args["await-start"] || (args.detach && !args.rm),
    awaitStart: args["await-start"],
    noSubreaper: false,
    timeout: timeoutMs(args.timeout),
    dieWithParent: !args["no-die-with-parent"],
    raises: true,
    kept,
    started,
  };
}

/** Files that the config refers to, and directories that it covers. Throws a BrunError or SysError. */
export function makeFiles(options: SandboxOptions, { make }: Sandbox, { root: state }: Runtime): void {
  const { network, root, allowNet, netClient, seccompRecord } = options;
  if (seccompRecord !== undefined) recordModule().checkRecordFile(seccompRecord);
  makeFakeRootFiles(options, state);
  const byName = allowNet.length > 0;
  if (byName || (root.kind === "rootfs" && root.image !== undefined)) makeHosts(networkDirectory(state));
  if (byName) makeResolvConf(networkDirectory(state), netClient?.asks ? "asked" : "names");
  if (network === "pasta" || network === "slirp4netns") makeResolvConf(networkDirectory(state), network);
  for (const directory of make) mkdirAll(directory, directory === state ? 0o711 : 0o700);
}
