/** The phases of an operation as a bar chart. */
import type { Phase } from "./timing.ts";

/** Bars of one to eight eighths of a cell. */
const EIGHTHS = " ▏▎▍▌▋▊▉█";
const LEAST_WIDTH = 10;

/**
 * A line for each phase: name, milliseconds, and a bar that begins where the phase does.
 * @param columns width of the terminal
 */
export function timingChart(phases: readonly Phase[], columns: number): string {
  const total = phases.at(-1)?.to ?? 0;
  const names = Math.max(...phases.map(({ name }) => name.length), "total".length);
  const numbers = `${total.toFixed(2)} ms`.length;
  const width = Math.max(LEAST_WIDTH, columns - names - numbers - 4);
  const line = (name: string, ms: number, bar: string) =>
    `${name.padEnd(names)}  ${`${ms.toFixed(2)} ms`.padStart(numbers)}  ${bar}`.trimEnd();
  const lines = phases.map(({ name, from, to }) => {
    const scale = total > 0 ? width / total : 0;
    return line(name, to - from, `${" ".repeat(Math.floor(from * scale))}${bar((to - from) * scale)}`);
  });
  return `${[...lines, line("total", total, "")].join("\n")}\n`;
}

/** A bar of some cells' length, a sliver at least. */
function bar(cells: number): string {
  const eighths = Math.max(1, Math.round(cells * 8));
  return `${"█".repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]}`.trimEnd();
}
