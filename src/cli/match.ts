/** `--regex`: crun's way to name several containers. */
import { list } from "../container/state/list.ts";
import type { Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";

/**
 * Ids of the containers that `pattern` matches, anywhere in the id.
 * @throws BrunError it is not a regular expression
 */
export function matching(runtime: Runtime, pattern: string): string[] {
  let regex: RegExp;
  try {
    regex = new RegExp(pattern);
  } catch {
    throw new BrunError(`"${pattern}" is not a regular expression`);
  }
  return list(runtime)
    .map((state) => state.id)
    .filter((id) => regex.test(id));
}
