/** The error of an action, for tests. */
import { BrunError } from "../../src/errors.ts";

/** The line of the BrunError that an action throws; "" if it throws none. */
export function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    return error.text;
  }
  return "";
}
