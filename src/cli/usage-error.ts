/** The error of a command line that the parser refuses. */
import { BrunError } from "../errors.ts";

/** What is wrong with a command line. */
export interface Fault {
  /** The flag, as it was typed, that does not exist; undefined for another mistake. */
  readonly unknown?: string;
  /** There are too few words besides flags, or too many. */
  readonly isCount?: boolean;
  /** What the hint has: the page to read alone, a flag that may be meant, or what is right. */
  readonly hint: "page" | "near" | "rule";
}

/** A mistake on the command line: one line, and where to read on. */
export class UsageError extends BrunError {
  constructor(
    message: string,
    hint: string,
    readonly fault: Fault,
  ) {
    super(message, { code: "ERR_USAGE", hint });
  }
}
