/** `brun list`: all containers below the root. */
import { errorLine } from "../errors.ts";
import { describeState } from "./state.ts";
import { listIds, loadState } from "./store.ts";
import type { ContainerState, Runtime } from "./types.ts";

/** The containers, by id. One whose state cannot be read is warned about and left out. */
export function list(rt: Runtime): ContainerState[] {
  const containers: ContainerState[] = [];
  for (const id of listIds(rt.root)) {
    try {
      const stored = loadState(rt.root, id);
      if (stored !== null) containers.push(describeState(rt, stored));
    } catch (error) {
      rt.warn(`container ${id}: ${errorLine(error)}`);
    }
  }
  return containers;
}
