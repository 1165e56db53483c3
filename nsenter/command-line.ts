/**
 * Writes the tables with which the front parses command lines to stdout. build.sh keeps them as
 * build/command-line.h. Flags, signals and the characters of ids come from src/cli and src/container.
 */
import type { FlagDef, Flags } from "../src/cli/flags.ts";
import { globalFlags, hotCommands, ROOT_FLAGS } from "../src/cli/hot-flags.ts";
import { SIGNAL_ALIASES, SIGNAL_NAMES } from "../src/cli/signals.ts";
import { isId } from "../src/container/lifecycle/id.ts";
import { NOTABLE_ENDS, NOTABLE_NAMES, NOTABLE_PARTS, PLAIN_LENGTH } from "../src/host/plain-variables.ts";

const upper = (name: string) => name.toUpperCase().replaceAll("-", "_");
const quoted = (text: string) => JSON.stringify(text);

/** The flags without the positional arguments. */
function dashed(flags: Flags): (readonly [name: string, flag: Exclude<FlagDef, { type: "positional" }>])[] {
  return Object.entries(flags).flatMap(([name, flag]) =>
    flag.type === "positional" ? [] : [[name, flag] as const],
  );
}

/** enum flag_kind of front/flags.h. */
function kindOf(flag: FlagDef): string {
  if (flag.type === "boolean") return flag.optional ? "FLAG_OPTIONAL" : "FLAG_SWITCH";
  if (flag.type !== "string") return "FLAG_TEXT";
  if (!flag.integer) return flag.multiple ? "FLAG_TEXTS" : "FLAG_TEXT";
  return flag.orNone ? "FLAG_NUMBER_OR_NONE" : "FLAG_NUMBER";
}

function alias({ alias: short }: { readonly alias?: string }): string {
  if (short === undefined) return "0";
  if (short.length !== 1) throw new Error(`the front takes no alias of more than one letter: ${short}`);
  return `'${short}'`;
}

/** The numbers of a command's flags, and a table of the flags. */
function table(command: string, flags: Flags): string[] {
  const all = dashed(flags);
  if (all.length > 63) throw new Error(`the front has a bit for each flag: ${command} has too many`);
  if (all.length === 0) return [];
  return [
    `enum ${command}_flag {`,
    ...all.map(([name]) => `\t${upper(command)}_${upper(name)},`),
    "};",
    `static const struct flag ${command}_flags[] = {`,
    ...all.map(([name, flag]) => `\t{${quoted(name)}, ${alias(flag)}, ${kindOf(flag)}},`),
    "};",
  ];
}

/** The initializer of a struct command_line. */
function line(command: string, flags: Flags, short: boolean, stops: boolean): string {
  const count = dashed(flags).length;
  const positionals = Object.values(flags).flatMap((flag) => (flag.type === "positional" ? [flag] : []));
  const least = positionals.filter(({ required }) => required !== false).length;
  const list = count === 0 ? "0" : `${command}_flags`;
  return `{${quoted(command)}, ${list}, ${count}, ${Number(short)}, ${Number(stops)}, ${least}, ${positionals.length}}`;
}

function takesRest(flags: Flags): boolean {
  return Object.values(flags).some((flag) => flag.type === "positional" && flag.rest === true);
}

function signals(): string[] {
  const names = SIGNAL_NAMES.split(" ");
  const other = Object.entries(SIGNAL_ALIASES).map(([name, of]) => [name, names.indexOf(of) + 1] as const);
  const all = [...names.map((name, i) => [name, i + 1] as const), ...other];
  return [
    "static const struct signal_name signal_names[] = {",
    ...all.map(([name, number]) => `\t{${quoted(name)}, ${number}},`),
    "};",
  ];
}

function idCharacters(): string {
  const ascii = Array.from({ length: 127 }, (_, i) => String.fromCharCode(i + 1));
  return ascii.filter((c) => isId(`a${c}`)).join("");
}

/** An array of strings in C. */
function texts(name: string, all: readonly string[]): string[] {
  return [`static const char *const ${name}[] = {`, ...all.map((text) => `\t${quoted(text)},`), "};"];
}

/** The text of the header. */
function header(): string {
  const commands = Object.entries<{ flags: Flags; short?: true }>(hotCommands);
  const blocks = [
    [
      "/* Made by nsenter/command-line.ts of src/cli/hot-flags.ts, signals.ts and src/host/plain-variables.ts. */",
    ],
    ["#ifndef BRUN_COMMAND_LINE_H", "#define BRUN_COMMAND_LINE_H"],
    ['#include "../front/flags.h"'],
    [`#define ID_CHARACTERS ${quoted(idCharacters())}`],
    texts("root_flags", ROOT_FLAGS),
    [`#define PLAIN_LENGTH ${PLAIN_LENGTH}`, ...texts("notable_parts", NOTABLE_PARTS)],
    [...texts("notable_ends", NOTABLE_ENDS), ...texts("notable_names", NOTABLE_NAMES)],
    ["struct signal_name {", "\tchar name[8];", "\tint number;", "};", ...signals()],
    table("global", globalFlags),
    [`static const struct command_line global_line = ${line("global", globalFlags, false, true)};`],
    ...commands.map(([name, { flags }]) => table(name, flags)),
    [
      "static const struct command_line command_lines[] = {",
      ...commands.map(
        ([name, { flags, short }]) => `\t${line(name, flags, short === true, takesRest(flags))},`,
      ),
      "};",
    ],
    ["#endif"],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

if (import.meta.main) process.stdout.write(header());
