/** Setting properties of a container's unit. */
import { readFileOf, tryWriteTo } from "./access.ts";
import { managerVersion, setUnitProperties } from "./systemd/manager.ts";
import type { Property } from "./systemd/value.ts";
import type { CgroupPlan, SystemdUnit } from "./types.ts";

/** Has no property, and systemd writes 0 to it with everything else that it writes (systemd 252, cgroup.c). */
const OOM_GROUP = "memory.oom.group";

/**
 * Sets properties of the unit until it ends. Throws a BrunError.
 * @param unified files that are asked for, see linux.resources.unified
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
  // systemd writes to the cgroup after it has answered, and before it takes the next request.
  managerVersion(unit);
  tryWriteTo(directory, OOM_GROUP, "1");
}
