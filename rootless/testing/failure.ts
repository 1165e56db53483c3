/** What an action throws, for tests. */
import { BrunError } from "../../src/errors.ts";

/** "where: message; hint: hint" of the BrunError that an action throws; "" when it throws nothing. */
export function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    const where = error.where === undefined ? "" : `${error.where}: `;
    return `${where}${error.message}${error.hint === undefined ? "" : `; hint: ${error.hint}`}`;
  }
  return "";
}
