/** Rules of `linux.memoryPolicy` and `linux.intelRdt` (runtime-spec, config-linux.md). */
import { parseCpuList } from "../cpu-list.ts";
import { show } from "../json.ts";
import type { IntelRdt, MemoryPolicy } from "../linux.ts";
import type { Findings, Mistake } from "./findings.ts";

/** Checks a memory policy: some modes need nodes, and some must have none (set_mempolicy(2)). */
export function validateMemoryPolicy(policy: MemoryPolicy, errors: Mistake[]): void {
  const { mode, nodes = "" } = policy;
  const path = "linux.memoryPolicy.nodes";
  if (nodes !== "" && parseCpuList(nodes) === null) {
    errors.push({ path, text: `expected memory nodes such as "0-3,7" but found ${show(nodes)}` });
  }
  if (policy.flags?.includes("MPOL_F_STATIC_NODES") && policy.flags.includes("MPOL_F_RELATIVE_NODES")) {
    errors.push({
      path: "linux.memoryPolicy.flags",
      text: "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
    });
  }
  if (mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL") {
    if (nodes !== "") errors.push({ path, text: `${mode} takes no nodes` });
  } else if (mode !== "MPOL_PREFERRED" && nodes === "") {
    errors.push({ path, text: `${mode} needs at least one node` });
  }
}

/** Checks strings that become file names and lines of resctrl. */
export function validateIntelRdt(rdt: IntelRdt, findings: Findings): void {
  const { errors, warnings } = findings;
  const { closID = "" } = rdt;
  // As in runc, "/" alone is the default group.
  if (closID === "." || closID === ".." || (closID.length > 1 && closID.includes("/"))) {
    errors.push({
      path: "linux.intelRdt.closID",
      text: `expected a name without slashes but found ${show(closID)}`,
    });
  }
  for (const key of ["l3CacheSchema", "memBwSchema"] as const) {
    if (rdt[key]?.includes("\n"))
      errors.push({ path: `linux.intelRdt.${key}`, text: "expected one line but found several" });
  }
  for (const [i, line] of (rdt.schemata ?? []).entries()) {
    if (line.includes("\n"))
      errors.push({ path: `linux.intelRdt.schemata[${i}]`, text: "expected one line but found several" });
  }
  for (const key of ["enableCMT", "enableMBM"] as const) {
    if (rdt[key]) warnings.push(`linux.intelRdt.${key}: ignored, enableMonitoring has replaced it`);
  }
}
