/** Rules of `linux.resources` that hold for every kind of cgroup (runtime-spec, config-linux.md; runc). */
import { joinPath, show } from "../json.ts";
import type { BlockIO, Resources } from "../resources.ts";
import type { Findings, Mistake } from "./findings.ts";

/** Limits that neither kernels since 5.4 nor cgroup v2 have. */
const OBSOLETE = ["kernel", "kernelTCP"] as const;

/** Checks limits, whose types the schema has checked. */
export function validateResources(resources: Resources, findings: Findings): void {
  const { errors, warnings, notes } = findings;
  const { devices, memory, blockIO, hugepageLimits, network, rdma, unified } = resources;
  if (devices !== undefined) {
    for (let i = 0; i < devices.length; i++) {
      const { access } = devices[i]!;
      if (isAccess(access)) continue;
      errors.push({
        path: `linux.resources.devices[${i}].access`,
        text: `expected some of r, w and m but found ${show(access)}`,
      });
    }
  }
  if (memory !== undefined) {
    for (const key of OBSOLETE) {
      const limit = memory[key];
      if (limit === undefined) continue;
      // 0 and -1 are no limit.
      (limit > 0 ? warnings : notes).push(`linux.resources.memory.${key}: ignored, it is obsolete`);
    }
    // Every hierarchy behaves so anyway.
    if (memory.useHierarchy !== undefined)
      notes.push("linux.resources.memory.useHierarchy: ignored, it is obsolete");
  }
  if (blockIO?.weightDevice !== undefined) weights(blockIO.weightDevice, errors);
  if (hugepageLimits !== undefined) pageSizes(hugepageLimits, errors);
  if (network?.priorities !== undefined) interfaces(network.priorities, errors);
  if (rdma !== undefined) {
    for (const name in rdma) {
      if (!isWord(name))
        errors.push({
          path: "linux.resources.rdma",
          text: `expected names of devices but found ${show(name)}`,
        });
    }
  }
  if (unified !== undefined) files(unified, errors);
}

function weights(devices: NonNullable<BlockIO["weightDevice"]>, errors: Mistake[]): void {
  for (const [i, { weight, leafWeight }] of devices.entries()) {
    if (weight !== undefined || leafWeight !== undefined) continue;
    errors.push({
      path: `linux.resources.blockIO.weightDevice[${i}]`,
      text: "expected weight or leafWeight but found neither",
    });
  }
}

function pageSizes(limits: NonNullable<Resources["hugepageLimits"]>, errors: Mistake[]): void {
  for (const [i, { pageSize }] of limits.entries()) {
    if (/^[1-9][0-9]*[KMG]B$/.test(pageSize)) continue;
    const path = `linux.resources.hugepageLimits[${i}].pageSize`;
    errors.push({ path, text: `expected a size such as "2MB" but found ${show(pageSize)}` });
  }
}

function interfaces(priorities: readonly { readonly name: string }[], errors: Mistake[]): void {
  for (const [i, { name }] of priorities.entries()) {
    if (isWord(name)) continue;
    const path = `linux.resources.network.priorities[${i}].name`;
    errors.push({ path, text: `expected a name of a network device but found ${show(name)}` });
  }
}

/** Checks names of cgroup files: a slash would lead out of the cgroup. */
function files(unified: Readonly<Record<string, string>>, errors: Mistake[]): void {
  for (const file in unified) {
    if (/^[^/\s.]+\.[^/\s]+$/.test(file)) continue;
    const path = joinPath("linux.resources.unified", file);
    errors.push({ path, text: `expected a file of a cgroup such as "memory.high"` });
  }
}

function isAccess(access: string | undefined): boolean {
  if (access === undefined) return false;
  for (let i = 0; i < access.length; i++) {
    if (access[i] !== "r" && access[i] !== "w" && access[i] !== "m") return false;
  }
  return access.length > 0;
}

/** Whether a name is a word. It becomes one column of a line that is written to the cgroup. */
function isWord(name: string): boolean {
  return /^\S+$/.test(name);
}
