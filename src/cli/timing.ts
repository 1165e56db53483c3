/** `--timing` and BRUN_TIMING=1: the phases of an operation on stderr, as they end. */
import { printError } from "./output.ts";

/**
 * A function for Runtime.mark: prints a phase with the milliseconds since the process began and since the phase
 * before. At once, because a foreground `run` may never return.
 */
export function timingMark(now: () => number = () => performance.now()): (phase: string) => void {
  let last = 0;
  return (phase) => {
    const at = now();
    printError(timingLine(phase, at, at - last));
    last = at;
  };
}

/** One line: total and step in milliseconds, then the phase. */
export function timingLine(phase: string, total: number, step: number): string {
  return `brun: timing ${total.toFixed(3).padStart(9)} ms ${`+${step.toFixed(3)}`.padStart(9)}  ${phase}\n`;
}
