/** Status of a container, derived from its files and its process. */

import { cgroups } from "./cgroup.ts";
import { isAlive } from "./process.ts";
import { hasFifo, isLocked, type StoredState } from "./store.ts";
import type { Status } from "./types.ts";

/**
 * The OCI status of a stored container.
 * @param locked the caller has the container's lock: nobody else is making it then
 */
export function statusOf(root: string, state: StoredState, locked = false): Status {
  if (state.creating) return !locked && isLocked(root, state.id) ? "creating" : "stopped";
  if (!isAlive(state.pid, state.startTime)) return "stopped";
  if (state.cgroup !== undefined && cgroups().isFrozen(state.cgroup)) return "paused";
  if (hasFifo(root, state.id)) return "created";
  return "running";
}
