/**
 * Draws docs/session.svg: a terminal in which an ordinary user runs brun, from a real run.
 *   usage: session.ts [--check]     --check: fails if the picture would be another one
 */
import { readFileSync, writeFileSync } from "node:fs";
import { exampleHome } from "../test/support/examples.ts";
import { subjects } from "../test/support/runtime.ts";
import { Sandbox } from "../test/support/sandbox.ts";
import { removeWorkspace } from "../test/support/workspace.ts";

const target = `${import.meta.dir}/../docs/session.svg`;

const COMMANDS = [
  "# a throw-away copy of this machine",
  "brun run --host -- sh -c 'rm -rf project; echo oops > notes; ls'",
  "ls",
  "",
  "# root in a directory, with ids, processes and a host name of its own",
  "brun run --rootfs root web -- sh -c 'id -u; hostname; echo process $$'",
  "",
  "# why is it as it is?",
  "brun explain --rootfs root -- sh | sed -n '/^Namespaces/,/^Changed/p' | grep -v Changed",
  "# a mistake",
  "brun run --rootfs root -- nothing",
];

const FONT = 14;
const LINE = 20;
const WIDTH = 860;
const LEFT = 20;
const TOP = 52;

/** Replaces the caller's ids by example ids. Subordinate ones are in a column, whose width stays. */
function neutral(output: string): string {
  return output
    .replaceAll(String(subject.caller.uid), "1000")
    .replaceAll(subject.caller.user, "you")
    .replace(/\b\d{6,7}\b/g, (id) => "100000".padEnd(id.length))
    .replace(/(sub[ug]id):\d+/g, "$1:1");
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** The lines of the terminal, each with the class of its colour. */
function draw(lines: readonly (readonly [string, string])[]): string {
  const height = TOP + lines.length * LINE + 12;
  const rows = lines.map(([style, text], i) =>
    text === ""
      ? ""
      : `<text class="${style}" x="${LEFT}" y="${TOP + i * LINE}" xml:space="preserve">${escaped(text)}</text>\n`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="a terminal session with brun">
<style>text{font:${FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d0d0d8}.c{fill:#7f8896}.p{fill:#fff;font-weight:600}</style>
<rect width="${WIDTH}" height="${height}" rx="10" fill="#1b1d23"/>
<circle cx="24" cy="20" r="6" fill="#ff5f57"/><circle cx="44" cy="20" r="6" fill="#febc2e"/><circle cx="64" cy="20" r="6" fill="#28c840"/>
${rows.join("")}</svg>
`;
}

const subject = subjects(["brun"]).find(({ caller }) => caller.name === "user")!;
const lines: (readonly [string, string])[] = [];
{
  await using box = new Sandbox(subject);
  const run = exampleHome(box, subject.caller);
  for (const command of COMMANDS) {
    if (command === "" || command.startsWith("#")) lines.push(["c", command]);
    else {
      lines.push(["p", `$ ${command}`]);
      const output = neutral(await run(command)).replaceAll(`${box.dir}/home`, "/home/you");
      for (const line of output.trimEnd().split("\n")) lines.push(["o", line]);
    }
  }
}
removeWorkspace();
const picture = draw(lines);
if (!process.argv.includes("--check")) writeFileSync(target, picture);
else if (readFileSync(target, "utf8") !== picture) {
  console.error("docs/session.svg is not what brun does: bun scripts/session-picture.ts");
  process.exit(1);
}
