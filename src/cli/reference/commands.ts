/** The commands and flags as data, from which help, completions and man pages are made. */
import type { Command } from "../command.ts";
import type { FlagDef, Flags } from "../flags.ts";
import { globalFlags } from "../hot-flags.ts";

/** A flag with a value, or without when `value` is null. */
export interface FlagReference {
  readonly name: string;
  readonly alias: string | undefined;
  readonly description: string;
  readonly value: Value | null;
}

/** The kind of a value. */
export interface Value {
  /** As the help text shows it: "dir", "text|json". */
  readonly hint: string;
  readonly kind: "file" | "directory" | "image" | "word" | "other";
  /** The words of kind "word". */
  readonly words: readonly string[];
}

/** An argument without a dash. */
export interface ArgumentReference {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly rest: boolean;
  /** It is the id of a container that exists. */
  readonly existing: boolean;
  /** It may be the name of an image that is there. */
  readonly image: boolean;
  /** The possible words, if it is a choice. */
  readonly words: readonly string[];
}

export interface CommandReference {
  readonly name: string;
  readonly description: string;
  readonly details: string;
  readonly flags: readonly FlagReference[];
  readonly arguments: readonly ArgumentReference[];
}

export interface Reference {
  readonly globals: readonly FlagReference[];
  readonly commands: readonly CommandReference[];
}

/** Commands whose id is that of a new container. */
const MAKERS = ["run", "create", "explain"];

/** The reference of commands; of several with one name, such as the variants of `run`, the flags are put together. */
export function referenceOf(commands: readonly Command[]): Reference {
  const shown = commands.filter((command) => command.meta.hidden !== true);
  const byName = Map.groupBy(shown, (command) => command.meta.name);
  return { globals: flagsOf(globalFlags), commands: [...byName.values()].map(commandOf) };
}

function commandOf(variants: readonly Command[]): CommandReference {
  const [first] = variants as readonly [Command];
  const { name, description } = first.meta;
  const flags = Object.assign({}, ...variants.toReversed().map(({ args }) => args)) as Flags;
  return {
    name,
    description,
    details: first.details ?? "",
    flags: flagsOf(flags),
    arguments: Object.entries(first.args).flatMap(([argument, flag]) => argumentOf(name, argument, flag)),
  };
}

/** The flags that the help text shows, in their order; --help, which all commands have, is the last. */
function flagsOf(flags: Flags): FlagReference[] {
  const shown = Object.entries(flags).flatMap(([name, flag]): FlagReference[] => {
    if (flag.type === "positional" || "hidden" in flag) return [];
    const { alias, description = "" } = flag;
    return [{ name, alias, description, value: flag.type === "string" ? valueFrom(flag.valueHint) : null }];
  });
  return [...shown, { name: "help", alias: "h", description: "show this text", value: null }];
}

function valueFrom(hint = "value"): Value {
  if (/^(file|file\|-|socket)$/.test(hint)) return { hint, kind: "file", words: [] };
  if (hint === "image") return { hint, kind: "image", words: [] };
  if (hint === "dir" || hint === "path") return { hint, kind: "directory", words: [] };
  const words = /^[\w-]+(\|[\w-]+)+$/.test(hint) ? hint.split("|") : [];
  return { hint, kind: words.length > 0 ? "word" : "other", words };
}

function argumentOf(command: string, name: string, flag: FlagDef): ArgumentReference[] {
  if (flag.type !== "positional") return [];
  return [
    {
      name,
      description: flag.description ?? "",
      required: flag.required !== false,
      rest: flag.rest === true,
      existing: /^container-ids?$/.test(name) && !MAKERS.includes(command),
      // `run debian:12`: the name in the place of an id.
      image: flag.valueHint === "image" || (command === "run" && name === "container-id"),
      words: valueFrom(flag.valueHint).words,
    },
  ];
}
