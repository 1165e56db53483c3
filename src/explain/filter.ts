/** Explains the seccomp filter, which is compiled without the cache. */
import type { SeccompFilter } from "../config/types.ts";
import { failsUnknown } from "../container/host/filter.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import type { Seccomp, Spec } from "../spec/index.ts";

const INSTRUCTION_SIZE = 8;

/** Facts about a filter. */
export interface FilterExplanation {
  /** Length of the BPF program. */
  readonly instructions: number;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** Whether it hands system calls to an agent. */
  readonly notify: boolean;
  /** Whether its system calls are enough to make containers inside. */
  readonly nesting: boolean;
  /** System calls that libseccomp does not know, and rules without effect. */
  readonly notes: readonly string[];
}

/** Compiles linux.seccomp; null without one. Throws a BrunError. */
export function explainFilter(
  spec: Spec,
): { filter: SeccompFilter; explanation: FilterExplanation; warnings: string[] } | null {
  const seccomp = spec.linux?.seccomp;
  if (seccomp === undefined) return null;
  const { bpf, flags, notify, notes, warnings } = compileSeccomp(seccomp, {
    failUnknown: failsUnknown(spec),
  });
  return {
    filter: { bpf, flags, notify },
    explanation: {
      instructions: bpf.length / INSTRUCTION_SIZE,
      flags,
      notify,
      nesting: letsNest(seccomp),
      notes,
    },
    warnings: [...warnings],
  };
}

/** Whether namespaces and mounts may be made, with any arguments. */
function letsNest({ defaultAction, syscalls = [] }: Seccomp): boolean {
  return ["unshare", "mount"].every((name) => {
    const rules = syscalls.filter(({ names }) => names.includes(name));
    const lets = (action: string) => action === "SCMP_ACT_ALLOW" || action === "SCMP_ACT_LOG";
    return rules.length === 0
      ? lets(defaultAction)
      : rules.some(({ action, args }) => lets(action) && !args?.length);
  });
}
