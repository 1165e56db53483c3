/** Help texts, laid out by citty. */
import { type ArgsDef, type CommandDef, renderUsage } from "citty";
import type { Command } from "./command.ts";
import type { Flags } from "./flags.ts";
import { globalFlags } from "./globals.ts";

export const about = "runs OCI containers, without root where it can";

export const closing = `EXAMPLE
  mkdir -p demo/rootfs/bin && cp /bin/busybox demo/rootfs/bin/sh
  brun spec --bundle demo
  brun run --bundle demo my-container

A bundle is a directory with a config.json (OCI runtime-spec) and the root filesystem it names.
Containers are known by the id they were created with.`;

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
  const root: CommandDef = {
    meta: { name: "brun", description: about },
    args: visible(globalFlags),
    subCommands: Object.fromEntries(commands.map((c) => [c.meta.name, { meta: c.meta }])),
  };
  // One long line with all of them, which are listed below.
  const listed = commands.filter(({ meta }) => meta.hidden !== true);
  const names = listed.map((c) => c.meta.name).join("|");
  const command = commands.find((c) => c.meta.name === topic);
  const usage = command
    ? await renderUsage({ meta: command.meta, args: visible(command.args) }, root)
    : (await renderUsage(root)).replace(names, "COMMAND");
  const title = command ? `brun ${command.meta.name} - ${command.meta.description}` : `brun - ${about}`;
  const details = (command ? command.details : closing) ?? "";
  // citty's own title, its first line, is replaced by runc's.
  const body = usage.slice(usage.indexOf("\n"));
  const text = `NAME:\n   ${title}\n${body}\n\n${details}`;
  return `${tidy(colours ? text : Bun.stripANSI(text))}\n`;
}

/** Without the spaces that fill up citty's columns, and with no more than one empty line. */
function tidy(text: string): string {
  return text
    .replace(/ +$/gm, "")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd();
}

/** The flags that the help text shows, and --help, which every command has. */
function visible(flags: Flags): ArgsDef {
  const shown = Object.entries(flags).filter(([, flag]) => !("hidden" in flag));
  return {
    ...Object.fromEntries(shown),
    help: { type: "boolean", alias: "h", description: "show this text" },
  };
}
