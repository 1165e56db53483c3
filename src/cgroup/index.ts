/**
 * Cgroups: one interface for v2 (directories or systemd units) and v1. Loaded only for containers that have a
 * cgroup of their own.
 */
export type { CgroupPlan } from "../config/cgroup-plan.ts";
export { readFileOf } from "./access.ts";
export { checkUnused, createCgroup, moveInto, startInUnit } from "./create.ts";
export { enterDelegated, giveTo, handOver } from "./delegate.ts";
export { NoDeviceControl, setDevices } from "./device-control.ts";
export { containerFilter, deviceFilter } from "./devices.ts";
export { freeze, isFrozen, thaw } from "./freezer.ts";
export { MOUNT_POINT, ownPaths, readCgroupHost } from "./host.ts";
export { signalAll } from "./kill.ts";
export { setLimits } from "./limits.ts";
export { type OomWatch, watchOom } from "./oom.ts";
export { below, cleanPath } from "./path.ts";
export { type CgroupRequest, cgroupsWritable, machineView, planCgroup } from "./plan.ts";
export { pidsIn, processDirectory } from "./processes.ts";
export { cgroupExists, removeCgroup } from "./remove.ts";
export { readStats, type Stats } from "./stats.ts";
export { attachToUnit, managerControlGroup } from "./systemd/manager.ts";
export { directoryOf } from "./types.ts";
export { withoutEquivalent } from "./unified-limits.ts";
export { type ProcessSums, processStats } from "./unified-stats.ts";
export { completeResources } from "./update.ts";
