/** Sets properties of a container's unit. */
import { readFileOf, tryWriteTo } from "./access.ts";
import { managerVersion, setUnitProperties } from "./systemd/manager.ts";
import type { Property } from "./systemd/value.ts";
import type { CgroupPlan, SystemdUnit } from "./types.ts";

/**
 * systemd has no property for this file, and resets it to 0 whenever it writes the others (systemd 252, cgroup.c).
 */
const OOM_GROUP = "memory.oom.group";

/**
 * Sets properties of the unit until it ends. Throws a BrunError.
 * @param unified the files of linux.resources.unified
 */
export function setProperties(
  plan: CgroupPlan,
  unit: SystemdUnit,
  properties: readonly Property[],
  unified: Readonly<Record<string, string>> = {},
): void {
  const directory = plan.paths[""]!;
  const group = unified[OOM_GROUP] ?? readFileOf(directory, OOM_GROUP);
  setUnitProperties(unit, properties);
  if (group?.trim() !== "1") return;
  // systemd writes to the cgroup after its answer, but before it handles the next request.
  managerVersion(unit);
  tryWriteTo(directory, OOM_GROUP, "1");
}
