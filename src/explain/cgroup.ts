/** Explains which cgroup the container gets. */
import { DELEGATE_WHERE, delegatedPart, firstLimit, nests } from "../cgroup/demand.ts";
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import type { ContainerConfig } from "../config/types.ts";
import type { Runtime } from "../container/types.ts";
import { quoted } from "../printable.ts";

/** The plan of the container's cgroup and its reason. */
export function explainCgroup(
  rt: Runtime,
  config: ContainerConfig,
): { plan: CgroupPlan | null; why: string } {
  const plan = config.cgroup;
  if (plan !== null) return { plan, why: asked(rt, config) };
  const why =
    rt.cgroupManager === "disabled"
      ? "--cgroup-manager=disabled"
      : firstLimit(config.spec.linux?.resources) === null
        ? "the spec asks for no limit and no cgroupsPath"
        : "its limits cannot be had, and are ignored";
  return { plan, why };
}

/** The reason for a cgroup of the container's own. */
function asked(rt: Runtime, config: ContainerConfig): string {
  const { cgroupsPath, resources } = config.spec.linux ?? {};
  if (cgroupsPath) return `linux.cgroupsPath is ${quoted(cgroupsPath)}`;
  const limit = firstLimit(resources);
  if (limit !== null) return `${limit} is set`;
  if (delegatedPart(config.spec) !== undefined) return `${DELEGATE_WHERE} is set`;
  if (nests(config.spec)) return "its program may make containers, and mount the cgroup that it is in";
  if (rt.cgroupManager !== "auto") return `--cgroup-manager=${rt.cgroupManager}`;
  return "containers of root have one, for the rules for devices";
}
