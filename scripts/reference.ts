/** Writes what is made from the commands as data: `bun scripts/reference.ts DIRECTORY` makes DIRECTORY/man and /completions. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { version } from "../package.json";
import { COMPLETIONS } from "../src/cli/completion.ts";
import { about, closing } from "../src/cli/help.ts";
import { allCommands } from "../src/cli/main.ts";
import { referenceOf } from "../src/cli/reference/commands.ts";
import { manPages } from "../src/cli/reference/man.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: reference.ts DIRECTORY");
const reference = referenceOf(await allCommands());
write("man", manPages(reference, { version, about, closing }));
write(
  "completions",
  Object.values(COMPLETIONS).map(({ file, text }) => [file, text(reference)] as const),
);

function write(name: string, files: Iterable<readonly [name: string, text: string]>): void {
  rmSync(`${directory}/${name}`, { recursive: true, force: true });
  mkdirSync(`${directory}/${name}`, { recursive: true });
  for (const [file, text] of files) writeFileSync(`${directory}/${name}/${file}`, text);
}
