/** Completes limits that are given in part with the present values of the cgroup. */
import type { CPU, Memory, Resources } from "../spec/index.ts";
import { integer, readFileOf } from "./access.ts";
import type { CgroupPlan } from "./types.ts";

/**
 * Completes pairs of fields that share one file on v2: quota with period, and swap with memory, which OCI's swap
 * includes. Throws a SysError.
 */
export function completeResources(plan: CgroupPlan, resources: Resources): Resources {
  if (plan.version !== 2) return resources;
  const directory = plan.paths[""]!;
  return {
    ...resources,
    ...(resources.cpu && { cpu: completeCpu(directory, resources.cpu) }),
    ...(resources.memory && { memory: completeMemory(directory, resources.memory) }),
  };
}

function completeCpu(directory: string, cpu: CPU): CPU {
  if (!cpu.quota === !cpu.period) return cpu;
  const [quota = "max", period = "100000"] = (readFileOf(directory, "cpu.max") ?? "").trim().split(" ");
  if (cpu.quota) return { ...cpu, period: Number(period) || 100000 };
  return quota === "max" || quota === "" ? cpu : { ...cpu, quota: integer(quota) };
}

function completeMemory(directory: string, memory: Memory): Memory {
  if (!memory.swap || memory.limit) return memory;
  const limit = readFileOf(directory, "memory.max")?.trim();
  if (limit === undefined) return memory;
  return { ...memory, limit: limit === "max" ? -1 : integer(limit) };
}
