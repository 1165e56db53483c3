/** Commands that take several containers: after a failure with one they go on with the others. */
import type { Session } from "./globals.ts";
import { logError } from "./log.ts";

/** The ids or names of the containers. */
export const containerIds = {
  type: "positional",
  rest: true,
  flagsAfter: true,
  description: "names of containers",
} as const;

/** Does something with each container; returns the exit code. Errors go to the error line. */
export function forEachId(session: Session, ids: readonly string[], action: (id: string) => void): number {
  let code = 0;
  for (const id of ids) {
    try {
      action(id);
    } catch (error) {
      logError(session.log, error);
      code = 1;
    }
  }
  return code;
}
