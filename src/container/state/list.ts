/** `brun list`: all containers below the root. */
import { errorLine } from "../../errors.ts";
import type { ContainerState, Runtime } from "../types.ts";
import { describeState } from "./state.ts";
import { isGone, isLocked, listIds, loadState } from "./store.ts";

/**
 * The containers, by id. One whose state cannot be read is warned about and left out, as is what a brun has left that was
 * killed; one that goes meanwhile is none.
 */
export function list(rt: Runtime): ContainerState[] {
  const containers: ContainerState[] = [];
  for (const id of listIds(rt.root)) {
    try {
      const stored = loadState(rt.root, id);
      if (stored !== null) containers.push(describeState(rt, stored));
      // It may have been completed in between.
      else if (!isLocked(rt.root, id) && loadState(rt.root, id) === null) {
        const why = "the brun that made it was killed";
        rt.warn(`container ${id} is not complete: ${why}; \`brun delete --force ${id}\` removes it`);
      }
    } catch (error) {
      if (isGone(rt.root, id)) continue;
      rt.warn(`container ${id}: ${errorLine(error)}`);
    }
  }
  return containers;
}
