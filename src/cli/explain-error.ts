/** `--explain-error`. */
import type { CreateOptions } from "../container/types.ts";
import { type Explanation, explain } from "../explain/explain.ts";
import { failureText, machineFindings } from "../explain/failure.ts";
import { type Session, viewRuntime } from "./globals.ts";
import { marks } from "./marks.ts";
import { printErrorRaw } from "./output.ts";

/** Prints the surroundings of the failure of a container with these options. */
export function printFailure(error: unknown, session: Session, options: () => CreateOptions): void {
  printErrorRaw(failureText(error, explained(session, options), machineFindings(), marks(2)));
}

/** The steps that were planned; null if planning them is what fails. */
function explained(session: Session, options: () => CreateOptions): Explanation | null {
  try {
    return explain({ ...viewRuntime(session), warn: () => {} }, options());
  } catch {
    return null;
  }
}
