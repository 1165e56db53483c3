/**
 * The arguments and the environment of brun, and its own command line. In process.argv and process.env, a byte
 * that is not UTF-8 has become U+FFFD. If a text contains that, the bytes are fetched.
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

/** The arguments after the program's name. */
export function givenArguments(): readonly string[] {
  const given = process.argv.slice(2);
  for (let i = 0; i < given.length; i++) {
    // Bun may put further words before them: a script's path, or words of BUN_OPTIONS.
    if (given[i]!.includes(LOST)) return initial().words.slice(-given.length);
  }
  return given;
}

/** An environment variable. */
export function variable(name: string): string | undefined {
  const value = process.env[name];
  return value?.includes(LOST) ? environment()[name] : value;
}

/** The environment by name. If a name occurs twice, the last one counts. */
export function environment(): Readonly<Record<string, string>> {
  const values: Record<string, string> = Object.create(null);
  for (const entry of environmentStrings()) {
    const equals = entry.indexOf("=");
    if (equals > 0) values[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return values;
}

/** The environment unchanged, for a program that gets all of it. */
export function environmentStrings(): readonly string[] {
  return initial().variables;
}

/** The command line that starts brun: the path of its executable, and in a checkout that of the script. */
export function ownCommand(): readonly [string, ...string[]] {
  const script = process.argv[1] ?? "";
  const path = process.execPath.includes(LOST) ? readlink("/proc/self/exe") : process.execPath;
  return script.startsWith("/$bunfs/") ? [path] : [path, script];
}
