/** Tables for the terminal and for docs/performance.md. */
import type { Memory } from "./memory.ts";
import type { Summary } from "./statistics.ts";

/** What bench/out/bench.json holds. */
export interface Report {
  readonly rounds: number;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: { key: string; title: string; goal: number | undefined; summaries: Summary[] }[];
  readonly memory: readonly Memory[];
}

const HEAD = ["", "median ms", "min ms", "p95 ms", "of crun", "CPU ms", "peak RSS MB"];

function row({ name, median, min, p95, ratio, cpu, rss }: Summary): string[] {
  const numbers = [median, min, p95].map((ms) => ms.toFixed(2));
  return [
    name,
    ...numbers,
    ratio === undefined ? "" : ratio.toFixed(2),
    cpu.toFixed(2),
    (rss / 1024).toFixed(1),
  ];
}

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}

/** One case as a markdown table under its title, with a line on its goal. */
export function table({ title, goal, summaries }: Report["results"][number]): string {
  const ratio = summaries.find(({ name }) => name === "brun")?.ratio;
  const verdict =
    goal === undefined || ratio === undefined
      ? ""
      : `\n\nGoal: at most ${goal.toFixed(2)} of crun: ${ratio <= goal ? "met" : "missed"}.`;
  return `### ${title}\n\n${markdown([HEAD, ...summaries.map(row)])}${verdict}`;
}

const BEGIN = "<!-- written by npm run bench -- --write-docs -->";
const END = "<!-- end -->";

/** The document with the part between its two marks replaced. Throws when a mark is missing. */
export function updateDocs(text: string, report: Report): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md: no "${BEGIN}" before "${END}"`);
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const memory = [
    ["", "RSS KB", "PSS KB", "private KB"],
    ...report.memory.map(({ name, rss, pss, privateMemory }) => [
      name,
      `${rss}`,
      `${pss}`,
      `${privateMemory}`,
    ]),
  ];
  const parts = [
    BEGIN,
    `Measured on ${report.machine}, ${report.rounds} rounds, with ${versions.join(", ")}.`,
    ...report.results.map(table),
    ...(report.memory.length === 0 ? [] : [`### Memory of a created container\n\n${markdown(memory)}`]),
  ];
  return `${text.slice(0, begin)}${parts.join("\n\n")}\n\n${text.slice(end)}`;
}
