/** Writes examples/ci/seccomp.json, the filter of --allow-nesting for engines: `bun scripts/nesting-filter.ts`. */
import { writeFileSync } from "node:fs";
import { DEFAULT_CAPABILITIES } from "../src/sandbox/capabilities.ts";
import { defaultSeccomp } from "../src/sandbox/seccomp.ts";

/** For machines of both architectures. docker, podman and the engines of Kubernetes read it in this form. */
export function nestingFilter(): string {
  const { architectures: _, ...filter } = defaultSeccomp(DEFAULT_CAPABILITIES, true);
  const architectures = [
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
  ];
  return `${JSON.stringify({ ...filter, architectures }, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../examples/ci/seccomp.json`, nestingFilter());
