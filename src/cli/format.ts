/** Output of list and ps, byte for byte as runc's. */
import { orderedState } from "../container/state/state.ts";
import type { ContainerState } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { COLUMN_GAP, COLUMN_MIN } from "../plan/file-abi.ts";
import { printable } from "../printable.ts";
import { duration } from "./duration.ts";

/** Whether `--format` asks for JSON. Throws a BrunError (ERR_USAGE) for an unknown format. */
export function isJson(format: string): boolean {
  if (format === "json" || format === "table") return format === "json";
  throw new BrunError("invalid format option", { code: "ERR_USAGE", hint: "--format is table or json" });
}

/**
 * `brun list -f json`: one line; null when there are none, as Go writes an empty list. nsenter/front/table.c writes the
 * same, and makes the same table, of states that need no escapes.
 */
export function listJson(states: readonly ContainerState[]): string {
  return `${states.length === 0 ? "null" : JSON.stringify(states.map(orderedState))}\n`;
}

/** The titles of `brun list`. */
export const LIST_TITLES = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"] as const;

/** `brun list`. */
export function listTable(states: readonly ContainerState[]): string {
  const rows = states.map((s) => [s.id, `${s.pid}`, s.status, s.bundle, s.created, s.owner]);
  return table([LIST_TITLES, ...rows]);
}

/** `brun list --wide`. */
export function wideTable(states: readonly ContainerState[], clock: number): string {
  const rows = states.map((s) => {
    const uptime = s.pid === 0 ? "--" : duration(clock - Date.parse(s.created));
    return [s.id, `${s.pid}`, s.status, uptime, s.owner, s.created.slice(0, 19), s.rootfs];
  });
  return table([["ID", "PID", "STATUS", "UPTIME", "OWNER", "CREATED", "ROOTFS"], ...rows]);
}

/** Texts that need no escapes, and in which each UTF-16 unit is a character. */
const ASCII = /^[ -~]*$/;

/**
 * Rows in columns as wide as their widest cell and the gap, at least 12; the last column is not filled up. A cell is one
 * line, whatever it holds.
 */
export function table(texts: readonly (readonly string[])[]): string {
  const ascii = ASCII.test(texts.map((row) => row.join("")).join(""));
  const rows = ascii ? texts : texts.map((row) => row.map((cell) => printable(cell, true)));
  const filled = (cell: string, width: number): string =>
    ascii ? cell.padEnd(width) : cell + " ".repeat(width - [...cell].length);
  const widths: number[] = [];
  for (const row of rows) {
    for (let i = 0; i < row.length - 1; i++)
      widths[i] = Math.max(widths[i] ?? COLUMN_MIN, (ascii ? row[i]! : [...row[i]!]).length + COLUMN_GAP);
  }
  let text = "";
  for (const row of rows) {
    for (let i = 0; i < row.length - 1; i++) text += filled(row[i]!, widths[i]!);
    text += `${row.at(-1) ?? ""}\n`;
  }
  return text;
}

/** The number that is right-aligned below its title, as ps prints it; a value before it may contain blanks, or be empty. */
function pidAt(line: string, end: number): number | undefined {
  const digits = /(?<!\S)\d+$/.exec(line.slice(0, end));
  return digits === null || /\S/.test(line[end] ?? " ") ? undefined : Number(digits[0]);
}

/** The number in a column that is found by words, because a long value has moved the columns after it. */
function pidOf(line: string, column: number): number | undefined {
  const word = line.trim().split(/\s+/)[column] ?? "";
  return /^\d+$/.test(word) ? Number(word) : undefined;
}

/**
 * Of `ps` output, the title line and the lines of these processes.
 * @returns undefined when there is no PID column
 */
export function psLines(output: string, pids: readonly number[]): string | undefined {
  const [title = "", ...lines] = output.split("\n");
  const column = title.trim().split(/\s+/).indexOf("PID");
  if (column < 0) return undefined;
  const end = /(?<!\S)PID(?!\S)/.exec(title)!.index + 3;
  const wanted = new Set(pids);
  const kept = lines.filter((line) => wanted.has(pidAt(line, end) ?? pidOf(line, column) ?? Number.NaN));
  return [title, ...kept].map((line) => `${line}\n`).join("");
}
