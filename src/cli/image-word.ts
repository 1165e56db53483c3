/** `brun run debian:12 …`: the name of an image in the place of a container's id, as podman and docker have it. */
import { isNameOfImage } from "../image/image-name.ts";
import type { Command } from "./command.ts";
import type { Flags } from "./flags.ts";
import { globalFlags } from "./hot-flags.ts";
import { parseFlags } from "./parse.ts";
import { sandboxCommand } from "./sandbox.ts";
import { sandboxRunFlags } from "./sandbox-flags.ts";

/** The command for these words: that of `run --image` when the first that is no flag names an image. */
export function runOf(argv: readonly string[], run: Command<Flags>): Command {
  let words: readonly string[];
  try {
    // With a flag that only bundles have, it is an id in any case.
    words = parseFlags("run", sandboxRunFlags, argv, {
      globals: globalFlags,
      short: true,
    }).args;
  } catch {
    return run;
  }
  const [name, ...rest] = words;
  if (name === undefined || !isNameOfImage(name)) return run;
  // No program has that name.
  const program = rest[0] === "--" ? rest.slice(1) : rest;
  const flags = argv.slice(0, argv.length - words.length).filter((word) => word !== "--");
  const command = sandboxCommand([], argv);
  const asked = ["--image", name, ...flags, ...(program.length > 0 ? ["--", ...program] : [])];
  return {
    ...command,
    parse: (_: readonly string[], globals: Flags) => command.parse!(asked, globals),
  } as unknown as Command;
}
