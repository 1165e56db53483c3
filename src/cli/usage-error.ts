/** The error of a command line that the parser refuses. */
import { BrunError } from "../errors.ts";

/** A mistake in a command line. */
export interface Fault {
  /** The flag, as it was typed, that does not exist; undefined for another mistake. */
  readonly unknown?: string;
  /** There are too few words besides flags, or too many. */
  readonly isCount?: boolean;
  /** The hint: only the page to read, a flag that may be meant, or the right form. */
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
