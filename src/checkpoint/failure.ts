/** What CRIU's log says about a failure. */
import { BrunError } from "../errors.ts";
import { exists, readText } from "../sys/fs.ts";
import { CriuFailure, errorsIn } from "./criu.ts";

/** Runs a request; the first error in CRIU's log becomes the reason when it fails. Throws a BrunError or SysError. */
export function withLog<T>(logs: string, name: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof CriuFailure)) throw error;
    const log = `${logs}/${name}`;
    const [first] = exists(log) ? errorsIn(readText(log)) : [];
    if (first === undefined) throw error;
    const known = error.message.endsWith(first);
    throw new BrunError(known ? error.message : `${error.message}: ${first}`, {
      hint: `${log} tells the rest`,
    });
  }
}
