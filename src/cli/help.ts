/** Help texts for 80 columns: the most used flags first, examples at the end. */
import type { Command } from "./command.ts";
import type { FlagDef, Flags, Positional } from "./flags.ts";
import { globalFlags } from "./hot-flags.ts";

export const about = "runs OCI containers, without root where it can";

export const closing = `A bundle is a directory with a config.json (OCI runtime-spec) and a root file system. Its container has the id that you
create it with. Without a bundle, "brun run" uses a copy of this machine, a directory or an image as the root.

EXAMPLE
  brun run --host -- make test
  brun run --rootfs DIR -- sh
  brun run --image debian:12 -- cat /etc/os-release
  brun spec --bundle demo
  brun run --bundle demo my-container`;

const WIDTH = 80;
/** Where the descriptions of flags and commands begin. */
const COLUMN = 28;
const MARGIN = "  ";

/** Flags that are used most, before the others. */
const FIRST: readonly string[] = [
  "host",
  "rootfs",
  "image",
  "interactive",
  "tty",
  "rw",
  "volume",
  "env",
  "env-file",
  "workdir",
  "network",
  "publish",
  "user",
  "detach",
  "rm",
  "name",
  "memory",
  "cpus",
];

/**
 * The help text of a command, or of brun itself when `topic` is undefined. It begins as runc's does ("NAME:",
 * then "brun run - …").
 * @param commands in the order in which they are listed
 */
export async function helpText(
  commands: readonly Command[],
  topic: string | undefined,
  colours: boolean,
): Promise<string> {
  const command = commands.find((c) => c.meta.name === topic);
  const heading = (text: string) => (colours ? `\x1b[1m${text}\x1b[0m` : text);
  const { forms, text, examples } = detailsOf((command ? command.details : closing) ?? "");
  const title = command ? `brun ${topic} - ${command.meta.description}` : `brun - ${about}`;
  const flags = command ? command.args : globalFlags;
  const sections: (readonly [string, string])[] = [
    ["NAME:", wrapped(title, WIDTH - 3, "   ")],
    ["USAGE", forms === "" ? usage(command) : forms],
    ["", text],
    ...(command === undefined ? [["COMMANDS", commandRows(commands)] as const] : []),
    ["ARGUMENTS", argumentRows(flags)],
    ["FLAGS", flagRows(flags)],
    ["EXAMPLE", examples],
  ];
  if (command === undefined) sections.push(["", `"brun COMMAND --help" tells more about one.`]);
  const shown = sections.filter(([, body]) => body !== "");
  return `${shown.map(([title, body]) => (title === "" ? body : `${heading(title)}\n${body}`)).join("\n\n")}\n`;
}

function usage(command: Command | undefined): string {
  if (command === undefined) return `${MARGIN}brun [flags] COMMAND [flags] [arguments]`;
  const words = positionalsOf(command.args).map(([name, { required, rest, valueHint }]) => {
    const word = `${placeholder(name, valueHint)}${rest ? "…" : ""}`;
    return required === false ? `[${word}]` : word;
  });
  return `${MARGIN}${["brun", command.meta.name, "[flags]", ...words].join(" ")}`;
}

/** The placeholder of an argument; the words of a choice are not in capitals. */
function placeholder(name: string, hint = name): string {
  return (hint.includes("|") ? name : hint).toUpperCase();
}

function positionalsOf(flags: Flags): [string, Positional][] {
  return Object.entries(flags).filter(
    (entry): entry is [string, Positional] => entry[1].type === "positional",
  );
}

/** Rows of two columns; a first one that is too long has a line of its own. */
function rows(pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .flatMap(([left, right]) => {
      const lines = wrapped(right, WIDTH - COLUMN).split("\n");
      const first = `${MARGIN}${left}`;
      const [begin, ...rest] = first.length > COLUMN - 2 ? [first, ...lines.map(indented)] : [];
      if (begin !== undefined) return [begin, ...rest];
      return [`${first.padEnd(COLUMN)}${lines[0] ?? ""}`.trimEnd(), ...lines.slice(1).map(indented)];
    })
    .join("\n");
}

function indented(line: string): string {
  return `${" ".repeat(COLUMN)}${line}`;
}

function commandRows(commands: readonly Command[]): string {
  return rows(
    commands.filter(({ meta }) => meta.hidden !== true).map(({ meta }) => [meta.name, meta.description]),
  );
}

function argumentRows(flags: Flags): string {
  return rows(
    positionalsOf(flags).map(([name, { valueHint, description }]) => [
      placeholder(name, valueHint),
      description ?? "",
    ]),
  );
}

function flagRows(flags: Flags): string {
  const shown = Object.entries(flags).filter(([, flag]) => flag.type !== "positional" && !("hidden" in flag));
  const rank = ([name]: [string, FlagDef]) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const help: [string, FlagDef] = [
    "help",
    { type: "boolean", ...(hasAlias(flags, "h") ? {} : { alias: "h" }), description: "show this text" },
  ];
  const sorted = shown.toSorted((a, b) => rank(a) - rank(b));
  return rows([...sorted, help].map(([name, flag]) => [flagText(name, flag), describe(flag)]));
}

function hasAlias(flags: Flags, alias: string): boolean {
  return Object.values(flags).some((flag) => flag.type !== "positional" && flag.alias === alias);
}

function flagText(name: string, flag: FlagDef): string {
  const alias = flag.type !== "positional" && flag.alias !== undefined ? `-${flag.alias}, ` : "";
  const value = flag.type === "string" ? ` ${flag.valueHint ?? "value"}` : "";
  return `${alias}--${name}${value}`;
}

function describe(flag: FlagDef): string {
  const text = flag.description ?? "";
  const isTold = /\(default/.test(text) || flag.type !== "string" || !flag.default;
  return isTold ? text : `${text} (default: ${flag.default})`;
}

/** The forms of the command line, if the details begin with them; the rest wrapped to the width; the examples. */
function detailsOf(details: string): { forms: string; text: string; examples: string } {
  const [text = "", examples = ""] = details.split(/^EXAMPLE\n/m);
  const paragraphs = text.trimEnd().split(/\n{2,}/);
  const areForms = paragraphs[0]!.split("\n").every((line) => line.startsWith("brun "));
  const forms = areForms ? paragraphs.shift()!.replace(/^/gm, MARGIN) : "";
  const shown = paragraphs.map((paragraph) =>
    // Lines that begin with spaces are laid out already.
    /^ /m.test(paragraph) ? paragraph : wrapped(paragraph, WIDTH),
  );
  return { forms, text: shown.join("\n\n"), examples: examples.trimEnd() };
}

/** Lines of whole words. */
function wrapped(text: string, width: number, begin = ""): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `${begin}${line}`).join("\n");
}
