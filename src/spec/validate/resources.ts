/** Rules of `linux.resources` that hold for every kind of cgroup (runtime-spec, config-linux.md; runc). */
import { joinPath, show } from "../json.ts";
import type { Resources } from "../resources.ts";
import type { Findings } from "./findings.ts";

/** Fields of memory that no kernel since 5.4, or no cgroup v2, has. */
const OBSOLETE = ["kernel", "kernelTCP", "useHierarchy"] as const;

/** Checks limits that have the schema's types. */
export function validateResources(resources: Resources, findings: Findings): void {
  const { errors, warnings } = findings;
  const { devices, memory, blockIO, hugepageLimits, network, rdma, unified } = resources;
  if (devices !== undefined) {
    for (let i = 0; i < devices.length; i++) {
      const { access } = devices[i]!;
      if (isAccess(access)) continue;
      errors.push(
        `linux.resources.devices[${i}].access: expected some of r, w and m but found ${show(access)}`,
      );
    }
  }
  if (memory !== undefined) {
    for (const key of OBSOLETE) {
      if (memory[key] !== undefined) warnings.push(`linux.resources.memory.${key}: ignored, it is obsolete`);
    }
  }
  for (const [i, { weight, leafWeight }] of (blockIO?.weightDevice ?? []).entries()) {
    if (weight !== undefined || leafWeight !== undefined) continue;
    errors.push(
      `linux.resources.blockIO.weightDevice[${i}]: expected weight or leafWeight but found neither`,
    );
  }
  for (const [i, { pageSize }] of (hugepageLimits ?? []).entries()) {
    if (/^[1-9][0-9]*[KMG]B$/.test(pageSize)) continue;
    const path = `linux.resources.hugepageLimits[${i}].pageSize`;
    errors.push(`${path}: expected a size such as "2MB" but found ${show(pageSize)}`);
  }
  for (const [i, { name }] of (network?.priorities ?? []).entries()) {
    if (isWord(name)) continue;
    const path = `linux.resources.network.priorities[${i}].name`;
    errors.push(`${path}: expected a name of a network device but found ${show(name)}`);
  }
  for (const name in rdma) {
    if (!isWord(name)) errors.push(`linux.resources.rdma: expected names of devices but found ${show(name)}`);
  }
  for (const file in unified) {
    if (/^[^/\s.]+\.[^/\s]+$/.test(file)) continue;
    const path = joinPath("linux.resources.unified", file);
    errors.push(`${path}: expected a file of a cgroup such as "memory.high"`);
  }
}

function isAccess(access: string | undefined): boolean {
  if (access === undefined || access === "") return false;
  for (const c of access) if (c !== "r" && c !== "w" && c !== "m") return false;
  return true;
}

/** A word: it becomes one column of a line that is written to the cgroup. */
function isWord(name: string): boolean {
  return /^\S+$/.test(name);
}
