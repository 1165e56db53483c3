/**
 * The measured rows of the README's comparison, taken from the tables of docs/performance.md: `bun bench/readme.ts`
 * writes them, as `npm run bench -- --write-docs` does.
 */
import { readFileSync, writeFileSync } from "node:fs";

const ROOT = `${import.meta.dir}/..`;
const BEGIN = "<!-- measured: written by npm run bench -- --write-docs -->";
const END = "<!-- end -->";

/** Columns of the README; bubblewrap's command is bwrap, youki is in no Debian. */
const RUNTIMES = ["brun", "crun", "runc", "youki", "bwrap"];

/** README's text, title of the section of performance.md, column there, unit. */
const ROWS = [
  ["time of `run`, one id, crun's being 1", "### `run` of a static /bin/true, one id\n", "of crun", ""],
  [
    "a bundle for the first time",
    "### `run` of a static /bin/true, one id, for the first time",
    "of crun",
    "",
  ],
  ["time of `run`, 65,536 ids", "### `run`, 65,536 ids\n", "of crun", ""],
  ["a bundle for the first time", "### `run`, 65,536 ids, for the first time", "of crun", ""],
  ["time of `exec`", "### `exec`", "of crun", ""],
  ["memory of a created container (PSS)", "### Memory", "PSS KB", " KB"],
] as const;

function cells(line: string): string[] {
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** A column of a section's table, by runtime: of several rows for one, that of a created container. */
function column(performance: string, section: string, title: string): Map<string, string> {
  const start = performance.indexOf(`\n${section}`);
  if (start < 0) throw new Error(`docs/performance.md has no section "${section}"`);
  const lines = performance.slice(start + 1).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const table = lines.slice(
    first,
    lines.findIndex((line, i) => i > first && !line.startsWith("|")),
  );
  const at = cells(table[0]!).indexOf(title);
  if (at < 0) throw new Error(`docs/performance.md: "${section}" has no column "${title}"`);
  const rows = table.slice(2).map(cells);
  const created = rows.filter(([name]) => name!.includes("created"));
  return new Map(
    (created.length > 0 ? created : rows).map((row) => [row[0]!.split(", ").at(-1)!.trim(), row[at]!]),
  );
}

/** The README with its measured rows as docs/performance.md has them. Throws when a mark or table is missing. */
export function updateReadme(readme: string, performance: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`README.md: no "${BEGIN}" before "${END}"`);
  const rows = ROWS.map(([text, section, title, unit]) => {
    const values = column(performance, section, title);
    const shown = RUNTIMES.map((name) => (values.has(name) ? `${values.get(name)}${unit}` : "–"));
    return `| ${[text, ...shown].join(" | ")} |`;
  });
  const head = "| measured | brun | crun | runc | youki | bubblewrap |\n|---|---|---|---|---|---|";
  return `${readme.slice(0, begin)}${BEGIN}\n\n${head}\n${rows.join("\n")}\n\n${readme.slice(end)}`;
}

/** Writes the README. */
export function writeReadme(): void {
  const readme = `${ROOT}/README.md`;
  const performance = readFileSync(`${ROOT}/docs/performance.md`, "utf8");
  writeFileSync(readme, updateReadme(readFileSync(readme, "utf8"), performance));
}

if (import.meta.main) writeReadme();
