/** The words by which the plan of a container without a bundle is cached (src/container/lifecycle/cached-plan.ts). */
import type { RunOptions } from "../container/types.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import type { Sandbox } from "../sandbox/spec.ts";
import { wordsInForeground } from "./background.ts";
import type { Values } from "./flags.ts";
import type { sandboxRunFlags } from "./sandbox-flags.ts";

/** The words, and what is known with them. */
export type WordsOfCommand = Omit<NonNullable<RunOptions["command"]>, "fixedEnvironment">;

/** The words by which a plan is cached; undefined if the run keeps more than its container, and so has no cached plan. */
export function wordsOfCommand(
  given: readonly string[],
  program: readonly string[],
  args: Values<typeof sandboxRunFlags>,
  directory: string,
  empty: boolean,
): WordsOfCommand | undefined {
  const { keep, upper, timing } = args;
  if (timing || keep !== undefined || upper !== undefined) return undefined;
  const all = wordsInForeground(given);
  const dashes = all.indexOf("--");
  // Without "--" the program is one of the words.
  const anyProgram = program.length > 0 && dashes >= 0 && dashes === all.length - program.length - 1;
  if (!anyProgram && dashes >= 0) return undefined;
  return {
    words: anyProgram ? all.slice(0, dashes + 1) : all,
    program: anyProgram ? program : null,
    directory,
    passesDirectory: args.host && args.workdir === undefined,
    anyId: (args.name ?? args["container-id"]) === undefined,
    emptyStdin: empty,
  };
}

/** Nothing of a run that has more to do than that of a bundle. */
export function recordedAs(
  { allowNet, netLog, netClient, seccompRecord, audit }: SandboxOptions,
  { fixedEnvironment }: Sandbox,
  command: WordsOfCommand | undefined,
): Pick<RunOptions, "command"> {
  if (command === undefined || seccompRecord !== undefined || audit !== undefined) return {};
  // The file of a log is made when it is asked for, and the files of names are read then.
  const byName =
    netLog !== undefined || netClient !== undefined || allowNet.some((name) => name.startsWith("@"));
  if (byName) return {};
  return { command: { ...command, fixedEnvironment } };
}

/** The words of `explain --cached`, as `run` would have them. */
export function explainedWords(given: readonly string[]): readonly string[] {
  const words = given.filter((word) => !/^--?(cached|json)$/.test(word));
  const dashes = words.indexOf("--");
  return dashes < 0 ? words : words.slice(0, dashes + 1);
}
