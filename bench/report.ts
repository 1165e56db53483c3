/** Tables for the terminal and for docs/performance.md, the verdict on the goals, and the pictures. */

import type { Goal } from "./case.ts";
import { barChart, curveChart } from "./chart.ts";
import type { Memory } from "./memory.ts";
import type { Summary } from "./statistics.ts";
import type { Syscalls } from "./syscalls.ts";

/** The result of one case. */
export interface Result {
  readonly key: string;
  readonly title: string;
  readonly goal: Goal | undefined;
  readonly copies: number;
  readonly point: { readonly curve: string; readonly at: number } | undefined;
  readonly rounds: number;
  readonly summaries: readonly Summary[];
}

/** The content of bench/out/bench.json. */
export interface Report {
  readonly rounds: number;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
  readonly memory: readonly Memory[];
  readonly syscalls: readonly Syscalls[];
}

const HEAD = ["", "median ms", "min ms", "p95 ms", "of crun", "CPU ms", "peak RSS MB", "page faults"];
const COPIES_HEAD = [...HEAD.slice(0, 4), "p99 of one ms", "containers/s", ...HEAD.slice(4)];

function row(summary: Summary, copies: number): string[] {
  const { name, median, min, p95, p99, ratio, cpu, rss, faults } = summary;
  return [
    name,
    ...[median, min, p95].map((ms) => ms.toFixed(2)),
    ...(copies > 1 ? [p99.toFixed(2), ((1000 * copies) / median).toFixed(0)] : []),
    ratio === undefined ? "" : ratio.toFixed(2),
    cpu.toFixed(2),
    (rss / 1024).toFixed(1),
    faults.toFixed(0),
  ];
}

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}

/** "0.90 of crun: missed, 1.24"; null without a goal, or where the peer is not there. */
export function verdict({ goal, summaries }: Result): string | null {
  const of = (name: string) => summaries.find((s) => s.name === name);
  const [brun, peer] = [of("brun"), goal === undefined ? undefined : of(goal.of)];
  if (goal === undefined || brun === undefined || peer === undefined) return null;
  const share = goal.of === "crun" && brun.ratio !== undefined ? brun.ratio : brun.median / peer.median;
  return `at most ${goal.share.toFixed(2)} of ${goal.of}: ${share <= goal.share ? "met" : "missed"}, ${share.toFixed(2)}`;
}

/** One case as a markdown table under its title, with a line on its goal. */
export function table(result: Result): string {
  const { title, copies, summaries, rounds } = result;
  const goal = verdict(result);
  const head = copies > 1 ? COPIES_HEAD : HEAD;
  const notes = [goal === null ? "" : `Goal: ${goal}.`, `${rounds} rounds.`].filter((note) => note !== "");
  return `### ${title}\n\n${markdown([head, ...summaries.map((s) => row(s, copies))])}\n\n${notes.join(" ")}`;
}

/** An item of a list, in lines as those of other prose. */
function item(text: string): string {
  return `- ${text}`.replace(/(.{1,96})( |$)/g, "$1\n  ").trimEnd();
}

/** The goals that were missed, a line each. */
export function missed(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    const goal = verdict(result);
    return goal?.includes("missed") ? [`${result.title}: ${goal}`] : [];
  });
}

export function memoryTable(memory: readonly Memory[]): string {
  const head = ["", "RSS KB", "PSS KB", "private KB", "wake-ups in an idle second"];
  const rows = memory.map(({ name, of, rss, pss, privateMemory, wakeUps }) => [
    `${of}, ${name}`,
    ...[rss, pss, privateMemory, wakeUps].map(String),
  ]);
  return `### Memory\n\n${markdown([head, ...rows])}`;
}

export function syscallTable(syscalls: readonly Syscalls[]): string {
  const rows = syscalls.map(({ name, count }) => [name, `${count}`]);
  return `### System calls of one \`run\`, the first of a bundle\n\n${markdown([["", "calls"], ...rows])}`;
}

/** File name and text of each picture. */
export function pictures(results: readonly Result[]): Map<string, string> {
  const made = new Map<string, string>();
  const groups = results
    .filter(({ summaries }) => summaries.some(({ ratio }) => ratio !== undefined))
    .map(({ title, summaries }) => ({
      title,
      bars: summaries.map(({ name, ratio }) => ({ name, value: ratio ?? Number.NaN })),
    }));
  if (groups.length > 0) made.set("performance.svg", barChart("time, crun's being 1", groups));
  const points = results.filter(({ point }) => point !== undefined);
  const names = [...new Set(points.flatMap(({ summaries }) => summaries.map(({ name }) => name)))];
  const curves = names.map((name) => ({
    name,
    points: points.flatMap(({ point, summaries }) => {
      const summary = summaries.find((s) => s.name === name);
      return summary === undefined ? [] : [[point!.at, summary.median] as const];
    }),
  }));
  const whole = curves.filter((curve) => curve.points.length > 1);
  if (whole.length > 0) {
    made.set("performance-mounts.svg", curveChart("time of run by mounts", points[0]!.point!.curve, whole));
  }
  return made;
}

const BEGIN = "<!-- written by npm run bench -- --write-docs -->";
const END = "<!-- end -->";

/** The part of the document between its two marks. Throws when a mark is missing. */
function written(text: string): { readonly begin: number; readonly end: number } {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md: no "${BEGIN}" before "${END}"`);
  return { begin, end };
}

/** The document with the tables of some cases, where they were or before that of the memory. Throws when a mark is missing. */
export function updateSome(text: string, results: readonly Result[]): string {
  const { begin, end } = written(text);
  const isOf = (part: string) => results.find(({ title }) => part.startsWith(`### ${title}\n`));
  const parts = text
    .slice(begin, end)
    .trimEnd()
    .split(/\n\n(?=### )/);
  const [head = "", ...sections] = parts.map((part) => {
    const result = isOf(part);
    return result === undefined ? part : table(result);
  });
  const added = results.filter((result) => !parts.some((part) => isOf(part) === result)).map(table);
  const memory = sections.findIndex((part) => part.startsWith("### Memory\n"));
  sections.splice(memory < 0 ? sections.length : memory, 0, ...added);
  const isGoal = (line: string) =>
    results.some(({ title }) => line.replace(/\n +/g, " ").startsWith(`- ${title}: `));
  // An item with the lines that it goes on in.
  const lines = head.split(/\n(?! )/).filter((line) => !isGoal(line));
  const last = lines.findLastIndex((line) => line.startsWith("- "));
  // Where all items were of these results, the new ones follow the heading and its empty line.
  const heading = lines.findIndex((line) => line.startsWith("Goals missed:"));
  const at = last >= 0 ? last + 1 : heading >= 0 ? heading + 2 : lines.length;
  lines.splice(at, 0, ...missed(results).map(item));
  return `${text.slice(0, begin)}${[lines.join("\n"), ...sections].join("\n\n")}\n\n${text.slice(end)}`;
}

/** The document with the part between its two marks replaced. Throws when a mark is missing. */
export function updateDocs(text: string, report: Report): string {
  const { begin, end } = written(text);
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const goals = missed(report.results);
  const parts = [
    BEGIN,
    `Measured on ${report.machine}, ${report.rounds} rounds, with ${versions.join(", ")}.`,
    ...(goals.length === 0 ? [] : [`Goals missed:\n\n${goals.map(item).join("\n")}`]),
    ...[...pictures(report.results).keys()].map((file) => `![${file.replace(".svg", "")}](${file})`),
    ...report.results.map(table),
    ...(report.memory.length === 0 ? [] : [memoryTable(report.memory)]),
    ...(report.syscalls.length === 0 ? [] : [syscallTable(report.syscalls)]),
  ];
  return `${text.slice(0, begin)}${parts.join("\n\n")}\n\n${text.slice(end)}`;
}
