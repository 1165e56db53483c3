/** `--timing` and BRUN_TIMING=1: the phases of an operation on stderr. */

import { lazy } from "../sys/lazy.ts";
import { isTerminal, printError } from "./output.ts";

const timingChartModule = lazy<typeof import("./timing-chart.ts")>(() => require("./timing-chart.ts"));
const terminalModule = lazy<typeof import("../container/io/terminal.ts")>(() =>
  require("../container/io/terminal.ts"),
);

/** A phase that has ended: its beginning and end in milliseconds since the process began. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** The phase after which this process is no longer brun, so that the phases have to be shown then. */
const LAST_PHASE = "handing over to the supervisor";

let chart: Phase[] | null = null;

/**
 * A function for Runtime.mark: prints a phase with the milliseconds since the process began and since the phase
 * before, at once. On a terminal phases are kept for {@link drawTiming}.
 */
export function timingMark(now: () => number = () => performance.now()): (phase: string) => void {
  let last = 0;
  chart = isTerminal(2) ? [] : null;
  return (phase) => {
    const at = now();
    if (chart === null) printError(timingLine(phase, at, at - last));
    else chart.push({ name: phase, from: last, to: at });
    last = at;
    if (phase === LAST_PHASE) drawTiming();
  };
}

/** One line: total and step in milliseconds, then the phase. */
export function timingLine(phase: string, total: number, step: number): string {
  return `brun: timing ${total.toFixed(3).padStart(9)} ms ${`+${step.toFixed(3)}`.padStart(9)}  ${phase}\n`;
}

/** Draws the phases that were kept; does nothing when there are none. */
export function drawTiming(): void {
  if (chart === null || chart.length === 0) return;
  const { timingChart } = timingChartModule();
  const { terminalSize } = terminalModule();
  printError(timingChart(chart, terminalSize()?.[1] || 80));
  chart = null;
}
