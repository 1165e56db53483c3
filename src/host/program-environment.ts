/**
 * The environment of a sandbox's program as a hole of its plan: what is the caller's and plain is put in each time, the
 * rest is fixed.
 */
import { isPlain } from "./plain-variables.ts";

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf("="));
}

/**
 * The caller's plain variables in their places; what is fixed takes the place of the caller's of the same name, or
 * follows. As environment_merge() of nsenter/front/environment.c, which makes the next program's.
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
