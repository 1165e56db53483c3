/** Status of a container, derived from its files and its process. */

import { cgroups } from "./cgroup.ts";
import { isAlive } from "./process.ts";
import { hasFifo, isLocked, type StoredState } from "./store.ts";
import type { Status } from "./types.ts";

/** The OCI status of a stored container. */
export function statusOf(root: string, state: StoredState): Status {
  if (!isAlive(state.pid, state.startTime)) return "stopped";
  if (state.creating) return isLocked(root, state.id) ? "creating" : "stopped";
  if (state.cgroup !== undefined && cgroups().isFrozen(state.cgroup)) return "paused";
  if (hasFifo(root, state.id)) return "created";
  return "running";
}
