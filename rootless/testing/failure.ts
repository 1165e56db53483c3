/** What an action throws, for tests. */
import { BrunError } from "../../src/errors.ts";

/** The line of the BrunError that an action throws; "" when it throws nothing. */
export function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    return error.text;
  }
  return "";
}
