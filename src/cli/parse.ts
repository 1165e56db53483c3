/**
 * The command line parser: Go's flag syntax as runc has it, strict. `-flag` and `--flag` are the same, a value
 * follows as `=value` or as the next argument whatever it looks like, `--` ends the flags, short flags are not
 * combined.
 */
import { BrunError } from "../errors.ts";
import type { BooleanFlag, Flags, Positional, StringFlag, Values } from "./flags.ts";

/** A command line that was taken apart. */
export interface Parsed<F extends Flags> {
  readonly values: Values<F>;
  /** -h or --help was given; nothing after it was looked at. */
  readonly help: boolean;
  /** The arguments that are not flags. */
  readonly args: readonly string[];
}

type Value = boolean | string | number | string[] | number[] | undefined;
type Named<D> = readonly [key: string, definition: D];

/** A mistake on the command line: one line and where to read on. */
function refuse(message: string, hint: string): never {
  throw new BrunError(message, { hint });
}

/**
 * Takes a command's arguments apart. Flags may stand before and after the positional arguments, except when the
 * last positional takes the rest.
 * @param globals flags that belong before the command, for a better message
 * @throws BrunError unknown flag, missing or wrong value, too few or too many arguments
 */
export function parseCommand<const F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
  globals: Flags = {},
): Parsed<F> {
  const positionals = Object.entries(flags).filter((entry): entry is [string, Positional] => {
    return entry[1].type === "positional";
  });
  const hint = (name: string) =>
    name in globals
      ? `--${name} is a global flag: it stands before "${command}"`
      : `see brun ${command} --help`;
  const parser = new Parser(flags, `${command}: `, hint);
  parser.run(argv, positionals.at(-1)?.[1].rest === true);
  const { values, args, help } = parser;
  // `exec ID -- ls`: nobody has a program called "--".
  if (parser.stopped && args[1] === "--") args.splice(1, 1);
  if (!help) assign(command, positionals, args, values);
  return { values: values as Values<F>, help, args };
}

/**
 * Takes the global flags apart; they end at the first argument without a dash, which is the command.
 * @throws BrunError unknown flag, missing or wrong value
 */
export function parseGlobals<const F extends Flags>(flags: F, argv: readonly string[]): Parsed<F> {
  const parser = new Parser(flags, "", () => "see brun --help");
  parser.run(argv, true);
  return { values: parser.values as Values<F>, help: parser.help, args: parser.args };
}

const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

class Parser {
  readonly values: Record<string, Value> = {};
  readonly args: string[] = [];
  help = false;
  /** Whether the flags ended at a positional argument. */
  stopped = false;
  readonly #byName = new Map<string, Named<BooleanFlag | StringFlag>>();

  constructor(
    flags: Flags,
    readonly prefix: string,
    readonly hint: (flag: string) => string,
  ) {
    for (const [key, flag] of Object.entries(flags)) {
      if (flag.type === "positional") continue;
      const named = [key, flag] as const;
      this.#byName.set(key, named);
      for (const alias of flag.alias === undefined ? [] : [flag.alias].flat()) this.#byName.set(alias, named);
      if (flag.type === "boolean") this.values[key] = false;
      else this.values[key] = flag.multiple ? [] : flag.default;
    }
  }

  /** @param endAtFirst whether the first positional argument ends the flags */
  run(argv: readonly string[], endAtFirst: boolean): void {
    for (let at = 0; at < argv.length && !this.help; at++) {
      const arg = argv[at]!;
      const rest = arg === "--" ? at + 1 : at;
      this.stopped = rest === at && endAtFirst && !isFlag(arg);
      if (rest > at || this.stopped) {
        this.args.push(...argv.slice(rest));
        return;
      }
      if (!isFlag(arg)) this.args.push(arg);
      else if (this.#flag(arg, argv[at + 1])) at++;
    }
  }

  /** Takes one flag; returns whether it used the next argument. */
  #flag(arg: string, next: string | undefined): boolean {
    const equals = arg.indexOf("=");
    const dashed = equals < 0 ? arg : arg.slice(0, equals);
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    const name = dashed.slice(dashed[1] === "-" ? 2 : 1);
    if (name === "" || name[0] === "-") this.#refuse(`bad flag syntax: ${arg}`, name);
    const [key, flag] = this.#byName.get(name) ?? [];
    if (key === undefined || flag === undefined) {
      if (name !== "h" && name !== "help") this.#refuse(`flag provided but not defined: ${dashed}`, name);
      this.help = true;
      return false;
    }
    if (flag.type === "boolean") {
      const truth = inline === undefined || TRUE.includes(inline);
      if (!truth && !FALSE.includes(inline)) {
        this.#refuse(`invalid value "${inline}" for flag ${dashed}: neither true nor false`, name);
      }
      this.values[key] = truth;
      return false;
    }
    const text = inline ?? next;
    if (text === undefined) this.#refuse(`flag needs an argument: ${dashed}`, name);
    const value = flag.integer ? Number(text) : text;
    if (flag.integer && (!/^\d+$/.test(text) || !Number.isSafeInteger(value))) {
      this.#refuse(`invalid value "${text}" for flag ${dashed}: not a number of 0 or more`, name);
    }
    if (flag.multiple) (this.values[key] as (string | number)[]).push(value);
    else this.values[key] = value;
    return inline === undefined;
  }

  #refuse(message: string, flag: string): never {
    refuse(this.prefix + message, this.hint(flag));
  }
}

function isFlag(arg: string): boolean {
  return arg.length > 1 && arg[0] === "-";
}

/** Gives the positional arguments their names, or refuses their number in runc's words. */
function assign(
  command: string,
  positionals: readonly Named<Positional>[],
  args: readonly string[],
  values: Record<string, Value>,
): void {
  const least = positionals.filter(([, p]) => p.required !== false).length;
  const most = positionals.at(-1)?.[1].rest ? Number.POSITIVE_INFINITY : positionals.length;
  if (args.length < least || args.length > most) {
    const rule = least === most ? "exactly" : args.length < least ? "a minimum of" : "a maximum of";
    const words = positionals.map(([name, p]) => (p.required === false ? `[${name}]` : `<${name}>`));
    refuse(
      `"${command}" requires ${rule} ${args.length < least ? least : most} argument(s)`,
      `usage: ${["brun", command, "[flags]", ...words].join(" ")}`,
    );
  }
  positionals.forEach(([name, p], i) => {
    values[name] = p.rest ? args.slice(i) : args[i];
  });
}
