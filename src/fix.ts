/** What removes the cause of a failure, as data: an error line tells it in its hint, `brun doctor` as what is to be done. */

/** A remedy and who may apply it. */
export interface Fix {
  readonly as: "root" | "caller";
  /** For a shell; undefined where no command would do. */
  readonly command?: string;
  /** For an error line: a clause without a full stop. */
  readonly hint: string;
}

/**
 * A command for root.
 * @param more how the hint goes on
 */
export function runAsRoot(command: string, more = ""): Fix {
  return { as: "root", command, hint: `run "${command}" as root${more}` };
}

/** A line for root to add to a file. */
export function addAsRoot(line: string, file: string, more = ""): Fix {
  return { as: "root", command: `echo ${line} >> ${file}`, hint: `add "${line}" to ${file} as root${more}` };
}

/** What no command does. */
export function advice(hint: string, as: Fix["as"] = "caller"): Fix {
  return { as, hint };
}
