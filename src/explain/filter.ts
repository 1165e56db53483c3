/** The seccomp filter, compiled without touching the cache. */
import type { SeccompFilter } from "../config/types.ts";
import { failsUnknown } from "../container/filter.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import type { Spec } from "../spec/index.ts";

const INSTRUCTION_SIZE = 8;

/** What is to be known of a filter. */
export interface FilterExplanation {
  /** Length of the BPF program. */
  readonly instructions: number;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** It hands system calls to an agent. */
  readonly notify: boolean;
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
    explanation: { instructions: bpf.length / INSTRUCTION_SIZE, flags, notify, notes },
    warnings: [...warnings],
  };
}
