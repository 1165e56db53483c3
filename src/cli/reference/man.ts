/** Manual pages in man(7)'s macros, one for brun and one for each command. */
import type { ArgumentReference, CommandReference, FlagReference, Reference } from "./commands.ts";

/** Texts of the pages that are not in the reference. */
export interface ManText {
  readonly version: string;
  /** One line on what brun is. */
  readonly about: string;
  /** Shown at the end of brun(1). */
  readonly closing: string;
}

/** Pages by file name: "brun-run.1". */
export function manPages({ globals, commands }: Reference, text: ManText): Map<string, string> {
  const pages = new Map([["brun.1", mainPage(globals, commands, text)]]);
  for (const command of commands) pages.set(`brun-${command.name}.1`, commandPage(command, text));
  return pages;
}

function mainPage(
  globals: readonly FlagReference[],
  commands: readonly CommandReference[],
  text: ManText,
): string {
  return page("brun", text, [
    ["NAME", `brun \\- ${escaped(text.about)}`],
    ["SYNOPSIS", synopsis("brun", "[global flags] command [flags] [arguments]")],
    ["DESCRIPTION", paragraphs(text.closing)],
    [
      "COMMANDS",
      commands
        .map(({ name, description }) => item(`.BR brun\\-${escaped(name)} (1)`, description))
        .join("\n"),
    ],
    ["GLOBAL FLAGS", flagList(globals)],
    [
      "EXIT STATUS",
      "In the foreground that of the container's program, or 128 and the number of the signal that ended it; 255 for an\nexec that failed; 3 for a command that does not exist; otherwise 0, or 1 with a line that says what went wrong.",
    ],
    [
      "FILES",
      item(".I config.json", "what a container is, in its bundle: OCI runtime-spec") +
        `\n${item(".IR $XDG_RUNTIME_DIR/brun ,\\ /run/brun", "the state of containers: of users, of root")}` +
        `\n${item(".IR /etc/subuid ,\\ /etc/subgid", "ids that a user may give to containers, see subuid(5)")}`,
    ],
    [
      "ENVIRONMENT",
      item(".B XDG_RUNTIME_DIR", "the state of containers is in brun below it, unless --root says where") +
        `\n${item(".B BRUN_TIMING=1", "the same as --timing of the commands that have it")}` +
        `\n${item(".B BRUN_FRONT=off", "every command starts the engine, and uses no plan that was compiled before; to compare")}` +
        `\n${item(".B BRUN_FRONT=on", "with --debug or BRUN_TIMING=1, a plan that was compiled before is used all the same; where it fails, a line says at which operation")}`,
    ],
    ["SEE ALSO", seeAlso(commands.map(({ name }) => `brun-${name}`))],
  ]);
}

function commandPage(command: CommandReference, text: ManText): string {
  const { name, description, details, flags } = command;
  const usage = ["[flags]", ...command.arguments.map(argumentText)].join(" ");
  return page(`brun-${name}`, text, [
    ["NAME", `brun\\-${escaped(name)} \\- ${escaped(description)}`],
    ["SYNOPSIS", synopsis(`brun ${name}`, usage)],
    ["DESCRIPTION", paragraphs(details === "" ? capital(description) : details)],
    ["ARGUMENTS", command.arguments.map((a) => item(`.I ${escaped(a.name)}`, a.description)).join("\n")],
    ["FLAGS", flagList(flags)],
    ["SEE ALSO", seeAlso(["brun"])],
  ]);
}

function page(name: string, { version }: ManText, sections: readonly (readonly [string, string])[]): string {
  const body = sections
    .filter(([, content]) => content !== "")
    .map(([title, content]) => `.SH ${title}\n${content}\n`);
  return `.\\" Made from the flags of the commands, as --help is.
.TH ${escaped(name.toUpperCase())} 1 "" "brun ${version}" "brun"
.nh
.ad l
${body.join("")}`;
}

function synopsis(command: string, rest: string): string {
  return `.B ${escaped(command)}\n${escaped(rest)}`;
}

function argumentText({ name, required, rest }: ArgumentReference): string {
  const text = `${name}${rest ? "..." : ""}`;
  return required ? text : `[${text}]`;
}

function flagList(flags: readonly FlagReference[]): string {
  return flags
    .map(({ name, alias, description, value }) => {
      const names = [`\\-\\-${escaped(name)}`, ...(alias === undefined ? [] : [`\\-${alias}`])];
      const shown = names.map((n) => `\\fB${n}\\fR`).join(", ");
      return item(value === null ? shown : `${shown} \\fI${escaped(value.hint)}\\fR`, description);
    })
    .join("\n");
}

function item(head: string, text: string): string {
  return `.TP\n${head}\n${escaped(text)}`;
}

function seeAlso(names: readonly string[]): string {
  return names.map((name, i) => `.BR ${escaped(name)} (1)${i < names.length - 1 ? "," : ""}`).join("\n");
}

/** Text in paragraphs; indented lines stay as they are. */
function paragraphs(text: string): string {
  return text
    .split("\n\n")
    .map((part) => {
      const lines = part.split("\n");
      const [title = "", ...rest] = lines;
      if (lines.every((line) => line.startsWith("  "))) return verbatim(lines);
      if (lines.every((line) => line.startsWith("brun "))) return verbatim(lines.map((line) => `  ${line}`));
      if (rest.length > 0 && rest.every((line) => line.startsWith("  "))) {
        return `${escaped(title)}\n${verbatim(rest)}`;
      }
      return escaped(part);
    })
    .join("\n.PP\n");
}

function verbatim(lines: readonly string[]): string {
  return `.RS 4\n.nf\n${lines.map((line) => escaped(line.slice(2))).join("\n")}\n.fi\n.RE`;
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

/** Text that roff takes literally: no escapes, no requests at the start of a line, ASCII minus signs. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1")
    .replaceAll("µ", "\\[mc]")
    .replaceAll("…", "\\&...");
}
