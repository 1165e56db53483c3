/**
 * The environment of a sandbox's program as a hole of its plan. The caller's plain variables are filled in for
 * each run, the others are fixed.
 */
import { isPlain } from "./plain-variables.ts";

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf("="));
}

/**
 * Merges the caller's plain variables with the fixed ones. A fixed variable replaces the caller's of the same
 * name, or is appended. environment_merge() of nsenter/front/environment.c does the same for the next run.
 */
export function mergedEnvironment(
  caller: Readonly<Record<string, string>>,
  fixed: readonly string[],
): string[] {
  const values = new Map(fixed.map((entry) => [nameOf(entry), entry]));
  const made: string[] = [];
  for (const [name, value] of Object.entries(caller)) {
    const instead = values.get(name);
    if (instead !== undefined) made.push(instead);
    else if (isPlain(name, value)) made.push(`${name}=${value}`);
    values.delete(name);
  }
  return [...made, ...values.values()];
}
