/**
 * What brun is called with: its arguments, its environment, itself. In process.argv and process.env a byte that is not
 * UTF-8 has become U+FFFD: where one is in the text, the bytes are asked for.
 */
import { readlink } from "./fs.ts";
import type { InitialStrings } from "./initial-strings.ts";
import { lazy } from "./lazy.ts";

const initialStringsModule = lazy<typeof import("./initial-strings.ts")>(() =>
  require("./initial-strings.ts"),
);

const LOST = "\ufffd";

function initial(): InitialStrings {
  return initialStringsModule().initialStrings();
}

/** The arguments behind the program's name. */
export function givenArguments(): readonly string[] {
  const given = process.argv.slice(2);
  for (let i = 0; i < given.length; i++) {
    // Bun has words of its own before them: a script's path, what BUN_OPTIONS says.
    if (given[i]!.includes(LOST)) return initial().words.slice(-given.length);
  }
  return given;
}

/** A variable of the environment. */
export function variable(name: string): string | undefined {
  const value = process.env[name];
  return value?.includes(LOST) ? environment()[name] : value;
}

/** The environment by name; of a name that is given twice the last counts. */
export function environment(): Readonly<Record<string, string>> {
  const values: Record<string, string> = Object.create(null);
  for (const entry of environmentStrings()) {
    const equals = entry.indexOf("=");
    if (equals > 0) values[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return values;
}

/** The environment as it is, for a program that is to have all of it. */
export function environmentStrings(): readonly string[] {
  return initial().variables;
}

/** The command line that starts brun: its path, and in a checkout the script. */
export function ownCommand(): readonly [string, ...string[]] {
  const script = process.argv[1] ?? "";
  const path = process.execPath.includes(LOST) ? readlink("/proc/self/exe") : process.execPath;
  return script.startsWith("/$bunfs/") ? [path] : [path, script];
}
