/**
 * The command line parser: Go's flag syntax as runc has it, strict. `-flag` and `--flag` are the same, a value
 * follows as `=value` or as the next argument whatever it looks like, `--` ends the flags. Short flags are combined
 * (`-it`, `-eA=1`) only where podman's command line is taken besides.
 *
 * It runs once in a process that lives a few milliseconds, hence plain loops: the first call of a built-in such
 * as Array.prototype.map, and of a regular expression, costs 0.03 to 0.1 ms each. No library does: those of npm know
 * GNU's syntax and not Go's, take values that are none, and cost a millisecond and more to load.
 */
import { closest } from "./closest.ts";
import type { BooleanFlag, Flags, Positional, StringFlag, Values } from "./flags.ts";
import { type Fault, UsageError } from "./usage-error.ts";

/** A parsed command line. */
export interface Parsed<F extends Flags> {
  readonly values: Values<F>;
  /** -h or --help was given; nothing after it was looked at. */
  readonly help: boolean;
  /** The arguments that are not flags. */
  readonly args: readonly string[];
}

type Value = boolean | string | number | string[] | number[] | undefined;

/** Options of the parser. */
export interface Manner {
  /** Flags that belong before the command, for a better message. */
  readonly globals?: Flags;
  /** podman's short forms: `-it` is -i and -t, `-w/tmp` is -w /tmp; -h with a value may be a flag of its own. */
  readonly short?: boolean;
  /** Hints for flags that other tools have, by name. */
  readonly others?: Readonly<Record<string, string>>;
  /** The page of help that errors name: "run --host"; by default the command. */
  readonly topic?: string;
}

/** The state of the parser. */
interface State {
  /** Name of the command; undefined for the global flags. */
  readonly command: string | undefined;
  readonly flags: Flags;
  readonly manner: Manner;
  readonly values: Record<string, Value>;
  args: string[];
  help: boolean;
  /** The flags ended at a positional argument. */
  stopped: boolean;
}

/**
 * Parses a command's arguments. Flags may stand before and after the positional arguments, unless the last positional argument
 * takes the rest.
 * @throws BrunError unknown flag, missing or wrong value, too few or too many arguments
 */
export function parseCommand<const F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
  manner: Manner = {},
): Parsed<F> {
  const positionals: [string, Positional][] = [];
  for (const name in flags) {
    const flag = flags[name]!;
    if (flag.type === "positional") positionals.push([name, flag]);
  }
  const last = positionals[positionals.length - 1]?.[1];
  const rest = last?.rest === true && last.flagsAfter !== true;
  const state = scan(command, flags, argv, rest, manner);
  const { values, args, help } = state;
  // `exec ID -- ls`: nobody has a program called "--".
  if (state.stopped && args[1] === "--") args.splice(1, 1);
  if (!help) assign(command, positionals, args, values);
  return { values: values as Values<F>, help, args };
}

/**
 * Parses the global flags. They end at the first argument without a dash, which is the command.
 * @throws BrunError unknown flag, missing or wrong value
 */
export function parseGlobals<const F extends Flags>(flags: F, argv: readonly string[]): Parsed<F> {
  const { values, args, help } = scan(undefined, flags, argv, true, {});
  return { values: values as Values<F>, help, args };
}

/**
 * Parses the flags before the first other argument.
 * @returns besides: what follows, and whether "--" stands before it
 * @throws BrunError unknown flag, missing or wrong value
 */
export function parseFlags<const F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
  manner: Manner,
): Parsed<F> & { readonly dashed: boolean } {
  const { values, args, help, stopped } = scan(command, flags, argv, true, manner);
  return { values: values as Values<F>, help, args, dashed: !stopped && args.length > 0 };
}

/** @param endAtFirst whether the first positional argument ends the flags */
function scan(
  command: string | undefined,
  flags: Flags,
  argv: readonly string[],
  endAtFirst: boolean,
  manner: Manner,
): State {
  const values = defaults(flags);
  const state: State = { command, flags, manner, values, args: [], help: false, stopped: false };
  for (let at = 0; at < argv.length && !state.help; at++) {
    const arg = argv[at]!;
    const isFlag = arg.length > 1 && arg[0] === "-";
    if (arg === "--" || (!isFlag && endAtFirst)) {
      const rest = argv.slice(isFlag ? at + 1 : at);
      state.args = state.args.length === 0 ? rest : state.args.concat(rest);
      state.stopped = !isFlag;
      break;
    }
    if (!isFlag) state.args.push(arg);
    else if (takeFlag(state, arg, argv[at + 1])) at++;
  }
  return state;
}

function defaults(flags: Flags): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const name in flags) {
    const flag = flags[name]!;
    if (flag.type === "boolean") values[name] = flag.optional ? undefined : false;
    else if (flag.type === "string") values[name] = flag.multiple ? [] : flag.default;
  }
  return values;
}

/** The name under which a flag or its alias is defined, or undefined. */
function find(flags: Flags, name: string): string | undefined {
  if (Object.hasOwn(flags, name)) return flags[name]!.type === "positional" ? undefined : name;
  for (const key in flags) {
    const flag = flags[key]!;
    if (flag.type !== "positional" && flag.alias === name) return key;
  }
  return undefined;
}

/** Parses one flag; returns whether it used the next argument. */
function takeFlag(state: State, arg: string, next: string | undefined): boolean {
  const equals = arg.indexOf("=");
  const dashed = equals < 0 ? arg : arg.slice(0, equals);
  const inline = equals < 0 ? undefined : arg.slice(equals + 1);
  const name = dashed.slice(dashed[1] === "-" ? 2 : 1);
  if (name === "" || name[0] === "-") wrong(state, name, `bad flag syntax: ${arg}`);
  const key = find(state.flags, name);
  // -h without a value asks for help, as elsewhere.
  if (key === undefined ? name === "h" || name === "help" : arg === "-h" && (next ?? "-")[0] === "-") {
    state.help = true;
    return false;
  }
  if (key === undefined) {
    if (state.manner.short && dashed[1] !== "-" && areShort(state.flags, arg))
      return takeShort(state, arg, next);
    return unknown(state, name, dashed);
  }
  const flag = state.flags[key] as BooleanFlag | StringFlag;
  if (flag.type === "boolean") {
    const word = flag.words?.find((one) => one === inline);
    const value = inline === undefined ? true : (word ?? truth(inline));
    if (value === undefined)
      wrong(state, name, `invalid value "${inline}" for flag ${dashed}: neither true nor false`);
    state.values[key] = value;
    return false;
  }
  const text = inline ?? next;
  if (text === undefined) return wrong(state, name, `flag needs an argument: ${dashed}`, usage(dashed, flag));
  if (flag.integer && !isCount(text) && !(flag.orNone && text === "-1")) {
    wrong(state, name, `invalid value "${text}" for flag ${dashed}: not a number of 0 or more`);
  }
  const value = flag.integer ? Number(text) : text;
  if (flag.multiple) (state.values[key] as (string | number)[]).push(value);
  else state.values[key] = value;
  return inline === undefined;
}

/** Whether a word is short flags, `-it`, of which the last may have its value in it: `-w/tmp`. */
function areShort(flags: Flags, arg: string): boolean {
  for (let at = 1; at < arg.length; at++) {
    const key = find(flags, arg[at]!);
    if (key === undefined) return false;
    if (flags[key]!.type === "string") return true;
  }
  return true;
}

function takeShort(state: State, arg: string, next: string | undefined): boolean {
  for (let at = 1; at < arg.length; at++) {
    const flag = `-${arg[at]}`;
    if (state.flags[find(state.flags, arg[at]!)!]!.type === "boolean") {
      takeFlag(state, flag, undefined);
      continue;
    }
    const value = arg.slice(at + 1);
    return takeFlag(
      state,
      value === "" ? flag : `${flag}=${value[0] === "=" ? value.slice(1) : value}`,
      next,
    );
  }
  return false;
}

function isCount(text: string): boolean {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

/** Go's words for true and false (strconv.ParseBool); undefined for any other. */
function truth(word: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(word)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(word) ? false : undefined;
}

function usage(dashed: string, { valueHint }: BooleanFlag | StringFlag): string {
  return `${dashed} ${valueHint ?? "value"}; `;
}

/**
 * A mistake in one flag.
 * @param rule what is right, before the command that tells more
 */
function wrong(state: State, flag: string, message: string, rule = "", unknown?: string): never {
  const { command, manner } = state;
  const topic = manner.topic ?? command;
  const here = command === undefined ? "" : `${command}: `;
  const see = `${rule}see brun ${topic === undefined ? "" : `${topic} `}--help`;
  if (manner.globals !== undefined && Object.hasOwn(manner.globals, flag))
    refuse(`${here}${message}`, `--${flag} is a global flag: it stands before "${command}"`, {
      hint: "rule",
      ...(unknown !== undefined && { unknown }),
    });
  refuse(`${here}${message}`, see, {
    hint: rule === "" ? "page" : "rule",
    ...(unknown !== undefined && { unknown }),
  });
}

/** The error for an unknown flag; it names the flag that may be meant. */
function unknown(state: State, name: string, dashed: string): never {
  const { command, flags, manner } = state;
  const message = `flag provided but not defined: ${dashed}`;
  const isGlobal = manner.globals !== undefined && Object.hasOwn(manner.globals, name);
  const other = manner.others;
  if (other !== undefined && Object.hasOwn(other, name))
    refuse(`${command}: ${message}`, other[name]!, { hint: "rule", unknown: dashed });
  const near = isGlobal ? undefined : closest(name, shown(flags));
  if (near === undefined) return wrong(state, name, message, "", dashed);
  const topic = manner.topic ?? command;
  const help = topic === undefined ? "brun --help" : `brun ${topic} --help`;
  const here = command === undefined ? "" : `${command}: `;
  refuse(`${here}${message}`, `did you mean --${near}? see ${help}`, { hint: "near", unknown: dashed });
}

function shown(flags: Flags): string[] {
  return Object.keys(flags).filter(
    (name) => flags[name]!.type !== "positional" && !("hidden" in flags[name]!),
  );
}

function refuse(message: string, hint: string, fault: Fault): never {
  throw new UsageError(message, hint, fault);
}

/** Gives the positional arguments their names, or refuses their number in runc's words. */
function assign(
  command: string,
  positionals: readonly (readonly [string, Positional])[],
  args: readonly string[],
  values: Record<string, Value>,
): void {
  let least = 0;
  let most = positionals.length;
  // An action belongs to the command's name: "image pull".
  const words = positionals[0]?.[0] === "action" && args[0] !== undefined ? 1 : 0;
  const whole = words === 0 ? command : `${command} ${args[0]}`;
  let usage = `usage: brun ${whole} [flags]`;
  for (let i = 0; i < positionals.length; i++) {
    const [name, positional] = positionals[i]!;
    if (positional.required !== false) least++;
    if (positional.rest) most = Number.POSITIVE_INFINITY;
    if (i >= words) usage += positional.required === false ? ` [${name}]` : ` <${name}>`;
    values[name] = positional.rest ? args.slice(i) : args[i];
  }
  if (args.length >= least && args.length <= most) return;
  const rule = least === most ? "exactly" : args.length < least ? "a minimum of" : "a maximum of";
  const count = (args.length < least ? least : most) - words;
  refuse(`"${whole}" requires ${rule} ${count} argument(s)`, usage, { hint: "rule", isCount: true });
}
