/** What a container has used. */
import type { Stats } from "../cgroup/stats.ts";
import { BrunError } from "../errors.ts";
import { cgroups, requireCgroup } from "./cgroup.ts";
import { statusOf } from "./status.ts";
import { requireState } from "./store.ts";
import type { Runtime } from "./types.ts";

/** The statistics of a container's cgroup. Throws a BrunError when it has stopped or has no cgroup. */
export function stats(rt: Runtime, id: string): Stats {
  const stored = requireState(rt.root, id);
  if (statusOf(rt.root, stored) === "stopped")
    throw new BrunError(`container with id ${id} is not running`, { code: "ERR_STATE" });
  return cgroups().readStats(requireCgroup(stored, "measured"));
}
