/** `brun run --rootfs`, `--image` and `--host`: containers without a bundle. */

import { noteKept } from "../changes/kept.ts";
import { makeStateHome } from "../container/io/kept-log.ts";
import { Redirection } from "../container/io/kept-streams.ts";
import { run } from "../container/lifecycle/run.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import type { CreateOptions, RunOptions, Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { compiling, startRecording, uncacheable } from "../host/recorder.ts";
import { shellWords } from "../printable.ts";
import { checkAudit } from "../sandbox/audit/audit.ts";
import { makeHosts, makeResolvConf } from "../sandbox/connect.ts";
import { makeFakeRootFiles } from "../sandbox/fake-root.ts";
import { fuseDirectory, fuseObstacle, fuseServes, mountFuse, unmountFuse } from "../sandbox/fuse.ts";
import { networkDirectory } from "../sandbox/network.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import { settledOptions } from "../sandbox/settle.ts";
import { type Sandbox, type SandboxLimits, sandboxSpec } from "../sandbox/spec.ts";
import { fileSystemType } from "../sandbox/tree.ts";
import { makeUpperDirectories } from "../sandbox/upper.ts";
import { claimUpper } from "../sandbox/upper-lock.ts";
import { type HostView, hostView } from "../sandbox/view.ts";
import { toSharedJson } from "../spec/index.ts";
import { mkdirAll } from "../sys/fs.ts";
import { holdSignals } from "../sys/interrupt.ts";
import { lazy } from "../sys/lazy.ts";
import { inBackground, runInBackground } from "./background.ts";
import type { Command } from "./command.ts";
import { absoluteIfGiven } from "./container-flags.ts";
import { timeoutMs } from "./duration.ts";
import { explainFlags, printCached, printExplanation } from "./explain.ts";
import { printFailure } from "./explain-error.ts";
import type { Values } from "./flags.ts";
import { openRuntime, type Session, viewRuntime } from "./globals.ts";
import { print } from "./output.ts";
import { explainedKey, recordedAs, type WordsOfCommand, wordsOfCommand } from "./sandbox-cached.ts";
import { checked, refusedOverlay, withFlag } from "./sandbox-errors.ts";
import { logSize, sandboxFlags, sandboxOptions, sandboxRunFlags } from "./sandbox-flags.ts";
import type { withPulledImage } from "./sandbox-image.ts";
import { Machine } from "./sandbox-machine.ts";
import { emptyStdin, stdio } from "./sandbox-stdin.ts";
import { sandboxWords } from "./sandbox-words.ts";

const recordModule = lazy<typeof import("../seccomp/record/record.ts")>(() =>
  require("../seccomp/record/record.ts"),
);
const landlockModule = lazy<typeof import("./landlock.ts")>(() => require("./landlock.ts"));
const takenNames = lazy<typeof import("../sandbox/taken-names.ts")>(() =>
  require("../sandbox/taken-names.ts"),
);

type Args = Values<typeof sandboxRunFlags>;

/**
 * The command, in the place of `run`.
 * @param more flags besides those that are given: those of `create`
 */
export function sandboxCommand(more: readonly string[] = []): Command<typeof sandboxRunFlags> {
  let program: readonly string[] = [];
  let given: readonly string[] = [];
  let image: string | undefined;
  return {
    meta: {
      name: "run",
      description: "run a program in a directory, or in a throw-away copy of this machine",
    },
    args: sandboxRunFlags,
    details: DETAILS,
    parse(argv, globals) {
      const split = sandboxWords("run", sandboxRunFlags, [...more, ...argv], globals);
      program = split.program;
      given = argv;
      return split.parsed;
    },
    async retell(error) {
      const offer = given.includes("--host") ? landlockModule().offered(error) : null;
      if (offer !== null) return offer;
      const { hintForImage, hintForProgram } = await import("./program-words.ts");
      const told = hintForProgram(error, given, program);
      return image === undefined ? told : hintForImage(told, image, program.length === 0);
    },
    async explainFailure(error, { args, data }) {
      if (!args["explain-error"]) return;
      printFailure(error, data, () => {
        const view = viewOf(viewRuntime(data));
        const options = settledOptions(flagOptions(args, program, args.tty), view);
        return createOptions(options, decided(options, view));
      });
    },
    run({ args, data }) {
      logSize(args["log-opt"]);
      startRecording();
      const [interactive, terminal] = compiling(() => stdio(args, program));
      asUsage(() => checkAudit(args.audit, { "--detach": args.detach, create: args["await-start"] }));
      const asked = flagOptions(args, program, terminal);
      if (args.landlock) {
        const rt = openRuntime(data, args.timing);
        return landlockModule().runByLandlock(rt, asked, viewOf(rt), args, interactive);
      }
      if (args.detach && args["ready-fd"] === undefined && !args["print-config"]) {
        const named = args.name ?? args["container-id"];
        const code = runInBackground(given, named === undefined ? asked.id : null);
        if (code === 0) print(`${asked.id}\n`);
        return code;
      }
      if (args.image === undefined) return go(asked, interactive, args, data);
      return withImageOf(asked, args, program, data, true).then((options) => {
        image = options.root.kind === "rootfs" ? options.root.image : undefined;
        return go(options, interactive, args, data);
      });
    },
  };

  function go(asked: SandboxOptions, interactive: boolean, args: Args, data: Session): number {
    const rt = args["print-config"] ? viewRuntime(data) : openRuntime(data, args.timing);
    makeStateHome();
    const view = compiling(() => viewOf(rt));
    const options = compiling(() => settledOptions(asked, view));
    if (args["print-config"]) {
      const { spec, notices, make } = withoutTaken(decided(options, view));
      for (const notice of notices) rt.warn(notice);
      makeFiles(options, rt);
      makeOwn(make, rt);
      print(`${toSharedJson(spec, "  ")}\n`);
      return 0;
    }
    if (args["ready-fd"] !== undefined) return startInBackground(rt, options, view, args, args["ready-fd"]);
    if (!interactive) emptyStdin(rt);
    const command = wordsOfCommand(given, program, args, view.cwd, !interactive);
    return start(rt, options, view, { args, command });
  }
}

/** What gets images is loaded for them alone. */
async function withImageOf(...args: Parameters<typeof withPulledImage>): Promise<SandboxOptions> {
  return (await import("./sandbox-image.ts")).withPulledImage(...args);
}

/** `brun explain` with the flags of a container without a bundle. */
export function explainSandbox(): Command<typeof explainSandboxFlags> {
  let program: readonly string[] = [];
  let given: readonly string[] = [];
  return {
    meta: { name: "explain", description: "say what run --rootfs or run --host would do, without doing it" },
    args: explainSandboxFlags,
    parse(argv, globals) {
      const split = sandboxWords("explain", explainSandboxFlags, argv, globals);
      program = split.program;
      given = argv;
      return split.parsed;
    },
    run({ args, data }) {
      const rt = viewRuntime(data);
      if (args.cached) {
        const key = explainedKey(given);
        printCached(rt, key, `run ${shellWords(key.slice(0, -1))}`, args.json);
        return 0;
      }
      const view = viewOf(rt);
      const explained = (asked: SandboxOptions) => {
        const options = settledOptions(asked, view);
        const sandbox = decided(options, view);
        for (const notice of sandbox.notices) rt.warn(notice);
        try {
          printExplanation(rt, args, createOptions(options, sandbox));
        } catch (error) {
          throw withFlag(sandbox, error);
        }
        return 0;
      };
      const asked = flagOptions(args, program, args.tty);
      if (args.landlock) return landlockModule().explainLandlock(asked, view, args);
      if (args.image === undefined) return explained(asked);
      return withImageOf(asked, args, program, data, false).then(explained);
    },
  };
}

/** A bundle has nobody who takes names: there is what can be mounted without. */
function withoutTaken(sandbox: Sandbox): Sandbox {
  const { taken } = sandbox.protection;
  if (taken.length === 0) return sandbox;
  const names = new Set(taken.map(({ directory, name }) => `${directory}/${name}`));
  const mounts = sandbox.spec.mounts?.filter(({ destination }) => !names.has(destination));
  const what = [...names].map((name) => name.slice(name.lastIndexOf("/") + 1)).join(", ");
  const notice = `of what --rw protects, this config leaves out what is not there: ${what}`;
  return { ...sandbox, spec: { ...sandbox.spec, mounts }, notices: [...sandbox.notices, notice] };
}

const explainSandboxFlags = { ...sandboxFlags, ...explainFlags } as const;

const DETAILS = `brun run --rootfs DIR [flags] [id] -- program…
brun run --image NAME [flags] [-- program…]
brun run --host [flags] -- program…

With --host the program sees this machine, and nothing that it does to files stays: it has the current directory, the
caller's name, and the host's network, but none of its processes and secrets. With --rootfs it is root of DIR, which
is left as it is. With --image the same of an image, which is pulled when it is not there. Without "--" and a
program there is a shell.

Signals, job control and exit codes are the program's: 127 when it is not found, 126 when it cannot be executed, 128 and
the number of a signal that ended it.

EXAMPLE
  brun run --host -- make test
  brun run --host --rw . --network none -- npm install
  brun run --host --upper changes -it -- bash
  brun run --image debian:12 -- cat /etc/os-release
  brun run --rootfs debian --memory 512m --name web -- python3 -m http.server`;

/** {@link sandboxOptions}, whose errors are about how the flags were given. */
function flagOptions(...parameters: Parameters<typeof sandboxOptions>): SandboxOptions {
  return asUsage(() => sandboxOptions(...parameters));
}

/** {@link sandboxSpec}, likewise. */
function decided(...parameters: Parameters<typeof sandboxSpec>): Sandbox {
  return asUsage(() => sandboxSpec(...parameters));
}

function asUsage<T>(decide: () => T): T {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof BrunError) || error.code !== "ERR_FAILED" || !error.where?.startsWith("--"))
      throw error;
    throw new BrunError(error.message, { ...error, code: "ERR_USAGE", cause: error });
  }
}

/** The machine, for a caller to whom `--rootless` applies as for any container. */
function viewOf(rt: Runtime): HostView {
  const caller = callerIdentity();
  const rootless = rt.rootless === "auto" ? caller.euid !== 0 : rt.rootless;
  return hostView(rootless, rootless || isRootless(caller), rt.root);
}

/** Runs it detached: this is the process in the background, which becomes its supervisor. */
function startInBackground(
  rt: Runtime,
  options: SandboxOptions,
  view: HostView,
  args: Args,
  readyFd: number,
): number {
  const tellCaller = inBackground(readyFd);
  const { interactive } = args;
  const size = logSize(args["log-opt"]);
  const redirection = new Redirection(interactive, options.terminal);
  const kept = { interactive, size, streams: redirection.streams };
  const started = () => {
    redirection.leave();
    tellCaller();
  };
  try {
    return start(redirection.quiet(rt), options, view, { args, kept, started });
  } catch (error) {
    redirection.restore();
    throw error;
  }
}

/** How it is run, besides the flags. */
interface Manner extends Pick<RunOptions, "kept" | "started"> {
  /** The command by which a plan is kept. */
  readonly command?: WordsOfCommand | undefined;
  readonly args: Args;
}

/** Overlays that one directory after the other turn out to be impossible: after that many all of them are left out. */
const REFUSALS = 3;

/**
 * Runs it; where the kernel's overlays do not do, or are refused, with fuse-overlayfs, or with what is refused
 * read-only.
 */
function start(rt: Runtime, options: SandboxOptions, view: HostView, manner: Manner): number {
  const machine = new Machine(view, () => viewOf(rt));
  // Held as long as this process is brun.
  if (options.upper !== undefined)
    claimUpper(
      options.upper,
      { root: rt.root, id: options.id },
      options.keep === undefined ? "--upper" : "--keep",
    );
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
    noteIfKept(options, sandbox);
    if (options.upper !== undefined) makeUpperDirectories(sandbox.spec);
    makeFiles(options, rt);
    makeOwn(sandbox.make, rt);
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

/** What has not yet been told, which has been from now on. */
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
    makeFiles(options, rt);
    makeOwn(sandbox.make, rt);
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

function createOptions(options: SandboxOptions, { spec }: Sandbox): CreateOptions {
  return {
    id: options.id,
    bundle: options.root.kind === "host" ? "/" : options.root.path,
    loaded: checked(spec),
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    // Maps that the flags have led to already are in the config.
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

/** What the config refers to of the network and of --fake-root. Throws a SysError. */
function makeFiles(options: SandboxOptions, rt: Runtime): void {
  const { network, root, allowNet, seccompRecord } = options;
  if (seccompRecord !== undefined) recordModule().checkRecordFile(seccompRecord);
  makeFakeRootFiles(options, rt.root);
  const byName = allowNet.length > 0;
  if (byName || (root.kind === "rootfs" && root.image !== undefined)) makeHosts(networkDirectory(rt.root));
  if (byName) makeResolvConf(networkDirectory(rt.root), "names");
  if (network === "pasta" || network === "slirp4netns") makeResolvConf(networkDirectory(rt.root), network);
}

/** What is covered has to be there. Throws a SysError. */
function makeOwn(directories: readonly string[], { root }: Runtime): void {
  for (const directory of directories) mkdirAll(directory, directory === root ? 0o711 : 0o700);
}
