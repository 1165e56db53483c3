/** `brun run --rootfs`, `--image` and `--host`, and `brun explain` of them: the commands. */

import { makeStateHome } from "../container/io/kept-log.ts";
import { keyOfCommand } from "../container/lifecycle/cached-files.ts";
import { compiling, startRecording } from "../host/recorder.ts";
import { shellWords } from "../printable.ts";
import { checkAudit } from "../sandbox/audit/audit.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import { settledOptions } from "../sandbox/settle.ts";
import type { Sandbox } from "../sandbox/spec.ts";
import { toSharedJson } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { runInBackground } from "./background.ts";
import type { Command } from "./command.ts";
import { explainFlags, printCached, printExplanation } from "./explain.ts";
import { printFailure } from "./explain-error.ts";
import type { Values } from "./flags.ts";
import { openRuntime, type Session, viewRuntime } from "./globals.ts";
import { holdLog } from "./log.ts";
import { print } from "./output.ts";
import { explainedWords, wordsOfCommand } from "./sandbox-cached.ts";
import { asUsage, withFlag } from "./sandbox-errors.ts";
import { sandboxFlags, sandboxRunFlags } from "./sandbox-flags.ts";
import type { withPulledImage } from "./sandbox-image.ts";
import { viewOf } from "./sandbox-machine.ts";
import { logSize, sandboxOptions } from "./sandbox-options.ts";
import { createOptions, decided, makeFiles, start, startInBackground } from "./sandbox-start.ts";
import { emptyStdin, stdio } from "./sandbox-stdin.ts";
import { sandboxWords } from "./sandbox-words.ts";

const landlockModule = lazy<typeof import("./landlock.ts")>(() => require("./landlock.ts"));

type Args = Values<typeof sandboxRunFlags>;

/**
 * The command that replaces `run`.
 * @param more flags besides those that are given: those of `create`
 * @param asTyped the words after the command's name, if other words are parsed instead of them
 */
export function sandboxCommand(
  more: readonly string[] = [],
  asTyped?: readonly string[],
): Command<typeof sandboxRunFlags> {
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
        holdLog(data.log);
        return landlockModule().runByLandlock(rt, asked, viewOf(rt), args, interactive);
      }
      if (args.detach && args["ready-fd"] === undefined && !args["print-config"]) {
        const made = runInBackground(asTyped ?? given);
        if (typeof made === "number") return made;
        print(`${made}\n`);
        return 0;
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
      const sandbox = withoutTaken(decided(options, view));
      for (const notice of sandbox.notices) rt.warn(notice);
      makeFiles(options, sandbox, rt);
      print(`${toSharedJson(sandbox.spec, "  ")}\n`);
      return 0;
    }
    const fd = args["ready-fd"];
    const emptied = !interactive && fd === undefined;
    if (emptied) emptyStdin(rt);
    const command = wordsOfCommand(asTyped ?? given, program, args, view.here.inHole, emptied);
    if (fd !== undefined) return startInBackground(rt, options, view, { args, command }, fd);
    return start(rt, options, view, { args, command });
  }
}

/** The code that pulls images is loaded only for --image. */
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
        const words = explainedWords(given);
        const directory = absolute(".");
        const keys = [true, false].map((any) => keyOfCommand({ words, directory }, any, rt.root));
        printCached(rt, keys, `run ${shellWords(words)}`, args.json);
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

/** With a bundle nothing makes missing names, so only files that exist are protected. */
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

/** {@link sandboxOptions}, with errors that name the flags. */
function flagOptions(...parameters: Parameters<typeof sandboxOptions>): SandboxOptions {
  return asUsage(() => sandboxOptions(...parameters));
}
