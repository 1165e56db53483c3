/** Writes the manual pages: `bun scripts/man.ts DIRECTORY`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { version } from "../package.json";
import { about, closing } from "../src/cli/help.ts";
import { allCommands } from "../src/cli/main.ts";
import { manPages } from "../src/cli/reference/man.ts";
import { referenceOf } from "../src/cli/reference/reference.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: man.ts DIRECTORY");
mkdirSync(directory, { recursive: true });
const pages = manPages(referenceOf(await allCommands()), { version, about, closing });
for (const [name, text] of pages) writeFileSync(`${directory}/${name}`, text);
