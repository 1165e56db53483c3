/** `brun update`: other limits for a container that runs. */
import { BrunError } from "../../errors.ts";
import type { Resources } from "../../spec/index.ts";
import { lazy } from "../../sys/lazy.ts";
import { statusOf } from "../state/status.ts";
import { lock, requireState, unlock } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { applyResources, cgroups, requireCgroup } from "./cgroup.ts";

const resctrlModule = lazy<typeof import("./resctrl.ts")>(() => require("./resctrl.ts"));

/**
 * Sets the limits that `resources` names; the others stay. Rules for devices are replaced when it has some.
 * Throws a BrunError when the container does not run or has no cgroup, and for values that the kernel refuses.
 * @param schemata of Intel RDT, for the container's group
 */
export function update(
  rt: Runtime,
  id: string,
  resources: Resources,
  schemata: readonly string[] = [],
): void {
  const locked = lock(rt.root, id);
  try {
    const stored = requireState(rt.root, id);
    if (statusOf(rt.root, stored, locked.fd) === "stopped")
      throw new BrunError("container not running", { code: "ERR_STATE" });
    if (schemata.length > 0) {
      const { resctrlMount, updateResctrl } = resctrlModule();
      updateResctrl(resctrlMount(), stored.pid, schemata);
      if (Object.keys(resources).length === 0) return;
    }
    const plan = requireCgroup(stored, "updated");
    applyResources(rt, plan, cgroups().completeResources(plan, resources));
    if (resources.devices !== undefined && !plan.rootless) {
      const { containerFilter, setDevices } = cgroups();
      setDevices(plan, containerFilter(resources.devices, undefined));
    }
  } finally {
    unlock(locked);
  }
}
