/** From the arguments of the process to an exit code. */
import { BrunError } from "../errors.ts";
import type { Command } from "./command.ts";
import { globalFlags, logOptions, openSession } from "./globals.ts";
import { createLog, type Log, type LogOptions, type WriteLine } from "./log.ts";
import { isTerminal, print } from "./output.ts";
import { parseCommand, parseGlobals } from "./parse.ts";

/** The commands by name; each is loaded when it is wanted. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

/** runc's exit code for a command that does not exist. */
const UNKNOWN_COMMAND = 3;

/**
 * Runs the command that `argv` asks for. Never throws: errors go to the log and to stderr.
 * @param argv without the program's name
 * @returns the exit code
 */
export async function dispatch(table: CommandTable, argv: readonly string[]): Promise<number> {
  let log: Log = createLog({ format: "text", debug: false });
  let failureCode = 1;
  try {
    const globals = parseGlobals(globalFlags, argv);
    const options = logOptions(globals.values);
    if (options.file !== undefined || options.debug) log = createLog(options, await debugLines(options));
    const [name, ...rest] = globals.args;
    if (globals.values.version) {
      print((await import("./version.ts")).versionText());
      return 0;
    }
    if (globals.help || name === undefined || name === "help" || name === "h") {
      return await help(table, globals.help ? undefined : rest[0], log);
    }
    const command = await load(table, name);
    if (command === undefined) return unknown(log, name);
    const parsed = parseCommand(name, command.args, rest, globalFlags);
    if (parsed.help) return await help(table, name, log);
    const session = openSession(globals.values, log);
    failureCode = command.failureCode ?? 1;
    return command.run({ args: parsed.values, data: session }) ?? 0;
  } catch (error) {
    log.error(error);
    return failureCode;
  }
}

async function load(table: CommandTable, name: string): Promise<Command | undefined> {
  return Object.hasOwn(table, name) ? await table[name]!() : undefined;
}

async function help(table: CommandTable, topic: string | undefined, log: Log): Promise<number> {
  if (topic !== undefined && !Object.hasOwn(table, topic)) return unknown(log, topic);
  const { helpText } = await import("./help.ts");
  const all = await Promise.all(Object.values(table).map((command) => command()));
  print(await helpText(all, topic, isTerminal(1) && !process.env.NO_COLOR));
  return 0;
}

function unknown(log: Log, name: string): number {
  log.error(
    new BrunError(`unknown command "${name}": No help topic for '${name}'`, {
      hint: "brun --help lists the commands",
    }),
  );
  return UNKNOWN_COMMAND;
}

/** Debug lines on stderr are consola's; nothing else is worth the 8 ms that it takes to load. */
async function debugLines(options: LogOptions): Promise<WriteLine | undefined> {
  if (!options.debug || options.file !== undefined) return undefined;
  return (await import("./pretty.ts")).prettyLines(isTerminal(2));
}
