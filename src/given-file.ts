/** Files that flags name. */

import type { FileUse } from "./file-error.ts";
import { readText } from "./host/ask.ts";
import { lazy } from "./sys/lazy.ts";
import { withoutMark } from "./sys/utf8.ts";

const fileErrorModule = lazy<typeof import("./file-error.ts")>(() => require("./file-error.ts"));

/**
 * The text of a file. Throws a BrunError with the reason and a remedy.
 * @param where the flag with its value
 */
export function readGiven(where: string, path: string): string {
  return withoutMark(withGiven(where, path, "read", readText));
}

/** Calls `act` with a path, and turns its SysError into such a BrunError. */
export function withGiven<T>(where: string, path: string, use: FileUse, act: (path: string) => T): T {
  try {
    return act(path);
  } catch (error) {
    throw fileErrorModule().fileError(where, path, use, error);
  }
}
