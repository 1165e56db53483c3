/**
 * The cgroup of a container through its life. The cgroup code is loaded for containers that have one; for the
 * others nothing is read and nothing is loaded.
 */

import type { IdMap } from "../../../rootless/idmap.ts";
import { DELEGATE_WHERE, delegatedPart, firstLimit, needsDeviceRules, nests } from "../../cgroup/demand.ts";
import type { CgroupPlan } from "../../config/cgroup-plan.ts";
import type { ContainerConfig } from "../../config/types.ts";
import { BrunError, errorLine } from "../../errors.ts";
import { refusalOf } from "../../host/ask.ts";
import type { Resources, Spec } from "../../spec/index.ts";
import { CLONE } from "../../sys/constants.ts";
import { readText } from "../../sys/fs.ts";
import { lazy } from "../../sys/lazy.ts";
import { any, found, mapped } from "../../sys/lists.ts";
import { tellOnce } from "../io/tell-once.ts";
import { newState } from "../state/new-state.ts";
import { rootOutside } from "../state/root.ts";
import { type StoredState, saveState } from "../state/store.ts";
import type { Runtime } from "../types.ts";

/** Annotation: with the value "ignore" limits that cannot be had are left out with a warning. */
const LIMITS_ANNOTATION = "org.brun.cgroup.limits";

/**
 * Annotation by which podman and others say that they manage the container. They will pause it and read its
 * statistics, so it gets a cgroup where one can be had.
 */
const MANAGER_ANNOTATION = "io.container.manager";

/** The cgroup code. */
export const cgroups = lazy<typeof import("../../cgroup/index.ts")>(() => require("../../cgroup/index.ts"));

/** Whether a limit, a path or a delegated part needs a cgroup. */
function needsCgroup(spec: Spec): boolean {
  const { cgroupsPath, resources } = spec.linux ?? {};
  return Boolean(cgroupsPath) || delegatedPart(spec) !== undefined || firstLimit(resources) !== null;
}

/** Whether an unprivileged caller's container is to have one of its own, where it can be had. */
function wantsCgroup(spec: Spec): boolean {
  return needsCgroup(spec) || spec.annotations?.[MANAGER_ANNOTATION] !== undefined || nests(spec);
}

/**
 * Plans the cgroup; null leaves the container in the caller's own. For root there is one wherever it can be made, because
 * of the rules for devices; others get one when a limit, a cgroupsPath or a flag asks for it, and below a delegated cgroup when a container
 * manager does, or the program could mount the caller's (--allow-nesting), with all that is in it. Throws a BrunError.
 */
export function decideCgroup(rt: Runtime, id: string, rootless: boolean, spec: Spec): CgroupPlan | null {
  const { cgroupManager: manager } = rt;
  const delegate = delegatedPart(spec);
  if (manager === "disabled") {
    if (delegate !== undefined) rt.warn(`${DELEGATE_WHERE}: ignored, --cgroup-manager=disabled`);
    return null;
  }
  const { cgroupsPath, resources } = spec.linux ?? {};
  const asked = manager !== "auto" || !rootless || needsCgroup(spec);
  if (!asked && !wantsCgroup(spec)) return null;
  const { cgroupsWritable, checkUnused, machineView, managerControlGroup, planCgroup, readCgroupHost } =
    cgroups();
  // systemd would take too long: a container manager that wants it asks for it.
  const request = {
    id,
    manager: asked ? manager : "cgroupfs",
    rootless,
    cgroupsPath,
    resources,
    delegate,
    nests: nests(spec),
  } as const;
  const view = machineView(readCgroupHost(), managerControlGroup);
  if (
    !rootless &&
    manager === "auto" &&
    !needsCgroup(spec) &&
    !needsDeviceRules(spec) &&
    !cgroupsWritable(view)
  ) {
    withoutDeviceRules(rt, "no cgroup can be made here, and the container stays in the caller's");
    return null;
  }
  try {
    const plan = planCgroup(request, view);
    if (plan !== null) checkUnused(plan);
    return plan === null || asked ? plan : { ...plan, optional: true };
  } catch (error) {
    if (!(error instanceof BrunError) || spec.annotations?.[LIMITS_ANNOTATION] !== "ignore") throw error;
    rt.warn(`limits are ignored, as annotation ${LIMITS_ANNOTATION} says: ${error.text}`);
    return null;
  }
}

/**
 * Makes the cgroup, recorded before in state.json so that `delete --force` finds it whatever happens, and puts
 * the stage into it where systemd makes it; else the stage enters it by itself. Throws a BrunError or SysError.
 */
export function makeCgroup(rt: Runtime, config: ContainerConfig, plan: CgroupPlan, stage: number): void {
  const { createCgroup, giveTo, startInUnit } = cgroups();
  // No hook has been run, so that none has to be after it.
  saveState(rt.root, { ...newState(config, stage), hooks: undefined, creating: "stage" });
  const { systemd } = plan;
  if (systemd !== undefined) startInUnit(plan, systemd, config.id, stage, config.spec);
  else createCgroup(plan, config.spec.linux?.resources ?? {});
  const owner = ownerOf(config, plan);
  if (owner !== null) giveTo(plan.paths[""]!, owner);
  rt.mark?.("cgroup made");
}

/**
 * The directory that the stage clones into (CLONE_INTO_CGROUP, Linux 5.7), or null when it enters one. One that
 * joins namespaces before enters it: from another cgroup namespace it might not get there.
 */
export function clonesInto(plan: CgroupPlan | null): string | null {
  if (plan === null || plan.version !== 2 || plan.systemd !== undefined) return null;
  // Without clone3(2) the stage enters it before it clones.
  return refusalOf("clone3") !== 0 ? null : plan.paths[""]!;
}

/**
 * Uid outside of the process's user, when the container may manage its cgroup: v2, a cgroup namespace and a
 * writable cgroup mount (runtime-spec, config-linux.md#cgroup-ownership).
 */
function ownerOf(config: ContainerConfig, plan: CgroupPlan): number | null {
  const { maps, spec } = config;
  if (plan.version !== 2 || plan.rootless || plan.delegated !== undefined || maps === null) return null;
  if ((config.cloneFlags & CLONE.NEWCGROUP) === 0) return null;
  if (!any(spec.mounts, (m) => m.type === "cgroup" && !m.options?.includes("ro"))) return null;
  return outside(maps.uid, spec.process?.user?.uid ?? 0);
}

/** The container's root, as outside of its user namespace; null without one, or without a root in it. */
function rootOf({ maps, joins }: ContainerConfig, pid: number): { uid: number; gid: number } | null {
  if (maps === null && !any(joins, (join) => join.flag === CLONE.NEWUSER)) return null;
  const [uid, gid] = mapped(["uid_map", "gid_map"], (map) => rootOutside(readText(`/proc/${pid}/${map}`)));
  return uid == null || gid == null ? null : { uid, gid };
}

/** The id outside, or null when it is not mapped. */
function outside(maps: readonly IdMap[], id: number): number | null {
  const map = found(maps, (m) => id >= m.containerId && id < m.containerId + m.size);
  return map === undefined ? null : map.hostId + id - map.containerId;
}

/**
 * Moves the container's process from its cgroup, where the limits are and its cgroup namespace begins, into the part
 * that it is to manage. Throws a BrunError.
 */
export function enterDelegatedPart(config: ContainerConfig, pid: number): void {
  const delegated = config.cgroup?.delegated;
  if (delegated !== undefined) cgroups().enterDelegated(delegated, pid);
}

/** Sets the limits and device rules of the spec, and hands a delegated part over. Throws a BrunError or SysError. */
export function limitCgroup(rt: Runtime, config: ContainerConfig, plan: CgroupPlan, pid: number): void {
  const { NoDeviceControl, containerFilter, handOver, setDevices } = cgroups();
  if (plan.delegated !== undefined && delegatedPart(config.spec) !== undefined)
    handOver(plan.delegated, rootOf(config, pid));
  const { resources, devices } = config.spec.linux ?? {};
  if (resources !== undefined) applyResources(rt, plan, resources);
  try {
    if (!plan.rootless) setDevices(plan, containerFilter(resources?.devices, devices));
  } catch (error) {
    if (!(error instanceof NoDeviceControl) || needsDeviceRules(config.spec)) throw error;
    withoutDeviceRules(rt, error.message);
  }
  rt.mark?.("limits set");
}

/** A program that may not make device nodes has only those of its /dev and its mounts. */
function withoutDeviceRules(rt: Runtime, why: string): void {
  tellOnce(
    rt,
    "devices",
    `linux.resources.devices: not kept, and the program may make no device nodes: ${why}`,
  );
}

/** Sets limits, and warns of those that cannot be had. Throws a BrunError or SysError. */
export function applyResources(rt: Runtime, plan: CgroupPlan, resources: Resources): void {
  const { setLimits, withoutEquivalent } = cgroups();
  if (plan.version === 2) {
    for (const path of withoutEquivalent(resources)) rt.warn(`${path}: ignored, cgroup v2 has no equivalent`);
  }
  setLimits(plan, resources);
}

/**
 * The cgroup of a container for a command that needs one.
 * @param done what the container cannot be without: "paused"
 * @throws BrunError it is in the cgroup of the command that created it
 */
export function requireCgroup(stored: StoredState, done: string): CgroupPlan {
  if (stored.cgroup !== undefined) return stored.cgroup;
  throw new BrunError(`container ${stored.id} has no cgroup of its own, so it cannot be ${done}`, {
    hint: "create it with a limit or a cgroupsPath in its config, or with --systemd-cgroup",
  });
}

/** Removes the cgroup of a container that could not be made; what goes wrong is only a warning. */
export function dropCgroup(rt: Runtime, plan: CgroupPlan | null | undefined): void {
  if (!plan) return;
  try {
    cgroups().removeCgroup(plan);
  } catch (error) {
    rt.warn(errorLine(error));
  }
}
