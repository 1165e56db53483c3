/** Runs the command that the arguments name, and returns its exit code. */
import { BrunError } from "../errors.ts";
import { variable } from "../sys/environment.ts";
import { die, Interrupted } from "../sys/interrupt.ts";
import type { Command } from "./command.ts";
import { type GlobalValues, logOptions } from "./globals.ts";
import { globalFlags } from "./hot-flags.ts";
import { type LogOptions, logError, touchLog } from "./log.ts";
import { isTerminal, print, printRaw } from "./output.ts";
import { parseCommand, parseGlobals } from "./parse.ts";
import { drawTiming } from "./timing.ts";

/** The commands by name; most are loaded only when they are called. The arguments may select a variant. */
export type CommandTable = Readonly<Record<string, (argv: readonly string[]) => Command | Promise<Command>>>;

/** runc's exit code for a command that does not exist. */
const UNKNOWN_COMMAND = 3;

/**
 * Runs the command that `argv` asks for. Never throws: errors go to the log and to stderr.
 * @param argv without the program's name
 * @returns the exit code
 */
export async function dispatch(table: CommandTable, argv: readonly string[]): Promise<number> {
  let log: LogOptions = { format: "text", debug: false };
  let failureCode = 1;
  let retell: (error: unknown) => Promise<unknown> | undefined = async (error) =>
    (await import("./command-words.ts")).hintForGlobals(error, argv);
  let explainFailure: ((error: unknown) => Promise<void> | undefined) | undefined;
  try {
    const { values, args, help } = parseGlobals(globalFlags, argv);
    retell = () => undefined;
    log = await openLog(values);
    const name = args[0];
    if (values.version) return await version();
    if (help || name === undefined) return await printHelp(table, undefined);
    if (name === "help" || name === "h") return await printHelp(table, args[1]);
    const rest = args.slice(1);
    const command = await find(table, name, rest);
    retell = (error) => command.retell?.(error, rest, globalFlags);
    const parsed =
      command.parse?.(rest, globalFlags) ??
      parseCommand(name, command.args, rest, {
        globals: globalFlags,
        others: command.others ?? {},
        short: command.short === true,
      });
    if (parsed.help) return await printHelp(table, name, rest);
    failureCode = command.failureCode ?? 1;
    const context = { args: parsed.values, data: { values, log } };
    if ("explain-error" in parsed.values)
      explainFailure = (error) => command.explainFailure?.(error, context);
    const result = command.run(context);
    const code = typeof result === "object" ? await result : result;
    drawTiming();
    return code ?? 0;
  } catch (thrown) {
    drawTiming();
    const error = (await retell(thrown)) ?? thrown;
    logError(log, error);
    if (error instanceof Interrupted) die(error.signal);
    await explainFailure?.(error);
    return error instanceof BrunError && error.exitCode !== 1 ? error.exitCode : failureCode;
  }
}

/** consola prints debug lines on stderr. It is loaded for nothing else, since loading takes milliseconds. */
async function openLog(values: GlobalValues): Promise<LogOptions> {
  const options = logOptions(values);
  if (options.file !== undefined) touchLog(options.file);
  else if (options.debug) {
    return { ...options, human: (await import("./pretty.ts")).prettyLines(isTerminal(2)) };
  }
  return options;
}

async function find(table: CommandTable, name: string, argv: readonly string[]): Promise<Command> {
  if (Object.hasOwn(table, name)) return await table[name]!(argv);
  const all = await Promise.all(Object.values(table).map((command) => command([])));
  const shown = all.filter(({ meta }) => meta.hidden !== true).map(({ meta }) => meta.name);
  throw new BrunError(`unknown command "${name}": No help topic for '${name}'`, {
    code: "ERR_USAGE",
    hint: (await import("./command-words.ts")).hintForCommand(name, argv, shown),
    exitCode: UNKNOWN_COMMAND,
  });
}

async function version(): Promise<number> {
  print((await import("./version.ts")).versionText());
  return 0;
}

async function printHelp(
  table: CommandTable,
  topic: string | undefined,
  argv: readonly string[] = [],
): Promise<number> {
  if (topic !== undefined) await find(table, topic, argv);
  const { helpText } = await import("./help.ts");
  const all = await Promise.all(Object.values(table).map((command) => command(argv)));
  printRaw(await helpText(all, topic, isTerminal(1) && !variable("NO_COLOR")));
  return 0;
}
