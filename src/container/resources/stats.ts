/** Statistics of a container. */
import type { Stats } from "../../cgroup/stats.ts";
import { BrunError } from "../../errors.ts";
import { statusOf } from "../state/status.ts";
import { requireState, type StoredState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { cgroups } from "./cgroup.ts";
import { sumsOfProcesses } from "./usage.ts";

/** The statistics of a container's cgroup, or of its processes where it has none. Throws a BrunError when it has stopped. */
export function stats(rt: Runtime, id: string): Stats {
  const stored = requireState(rt.root, id);
  if (statusOf(rt.root, stored) === "stopped")
    throw new BrunError(`container with id ${id} is not running`, { code: "ERR_STATE" });
  return measure(stored);
}

/** {@link stats} of a container that runs. */
export function measure(stored: StoredState): Stats {
  const { processStats, readStats } = cgroups();
  return stored.cgroup === undefined ? processStats(sumsOfProcesses(stored)) : readStats(stored.cgroup);
}
