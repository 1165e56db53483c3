/** All cases of the conformance suite. */
import type { Case } from "./case.ts";
import { hookCases } from "./hooks.ts";
import { linuxCases } from "./linux.ts";
import { mountCases } from "./mounts.ts";
import { processCases } from "./process.ts";
import { resourceCases } from "./resources.ts";
import { rootCases } from "./root.ts";
import { seccompCases } from "./seccomp.ts";

/** By section of docs/conformance-results.md. */
export const SECTIONS: readonly (readonly [title: string, cases: readonly Case[]])[] = [
  ["Version, root, names, annotations", rootCases],
  ["Process", processCases],
  ["Mounts", mountCases],
  ["Hooks", hookCases],
  ["Linux", linuxCases],
  ["Resources", resourceCases],
  ["Seccomp", seccompCases],
];

export const CASES: readonly Case[] = SECTIONS.flatMap(([, cases]) => cases);
