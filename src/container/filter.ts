/** linux.seccomp as a filter to install; libseccomp and its cache are loaded only for a spec that has one. */
import type { SeccompFilter } from "../config/types.ts";
import type { Spec } from "../spec/index.ts";
import type { Runtime } from "./types.ts";

/** Compiles the spec's seccomp section, or returns null. Throws a BrunError. */
export function prepareSeccomp(rt: Runtime, spec: Spec): SeccompFilter | null {
  const seccomp = spec.linux?.seccomp;
  return seccomp === undefined ? null : compileSeccomp(rt, seccomp);
}

export function compileSeccomp(rt: Runtime, seccomp: unknown): SeccompFilter {
  void [rt, seccomp];
  throw new Error("seccomp is being written");
}
