/** Takes the reason of a failure from CRIU's log. */
import { BrunError } from "../errors.ts";
import { exists, readText } from "../sys/fs.ts";
import { CriuFailure, errorsIn } from "./criu.ts";

/** Maximum number of lines of CRIU's log in an error. */
const SHOWN = 3;

/**
 * Runs a request. If it fails, the error has the first error of CRIU's log, followed by the last ones, which often
 * say more. Throws a BrunError or SysError.
 */
export function withLog<T>(logs: string, name: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof CriuFailure)) throw error;
    const log = `${logs}/${name}`;
    const lines = exists(log) ? reasonsIn(readText(log)) : [];
    if (lines.length === 0) throw error;
    const shown = lines.filter((line) => !error.message.endsWith(line));
    throw new BrunError([error.message, ...shown].join(": "), { hint: `${log} tells the rest` });
  }
}

/** The first error and the last ones. Without errors, the last lines. */
export function reasonsIn(log: string): string[] {
  const errors = [...new Set(errorsIn(log))];
  if (errors.length > 0) return errors.filter((_, i) => i === 0 || i > errors.length - SHOWN);
  const lines = log.split("\n").map((line) => line.replace(/^\(\d+\.\d+\)\s*/, "").trim());
  return lines.filter((line) => line !== "").slice(-SHOWN);
}
