/** linux.seccomp as a filter to install; libseccomp and its cache are loaded only for a spec that has one. */

import type { SeccompFilter } from "../../config/types.ts";
import { asking } from "../../host/recorder.ts";
import { ownCacheDirectory } from "../../seccomp/cache.ts";
import { compileSeccomp } from "../../seccomp/compile.ts";
import type { Spec } from "../../spec/index.ts";
import { each } from "../../sys/lists.ts";
import type { Runtime } from "../types.ts";

const FAIL_UNKNOWN = "run.oci.seccomp_fail_unknown_syscall";

/** Whether a system call that libseccomp does not know is an error, by crun's annotation. */
export function failsUnknown(spec: Spec): boolean {
  return spec.annotations?.[FAIL_UNKNOWN] === "1";
}

/** Compiles the spec's seccomp section; null without one. Throws a BrunError. */
export function seccompFilter(rt: Runtime, spec: Spec): SeccompFilter | null {
  const seccomp = spec.linux?.seccomp;
  if (seccomp === undefined) return null;
  const { bpf, flags, notify, warnings, notes } = compileSeccomp(seccomp, {
    // The filter does not depend on where the cache is.
    cacheDirectory: asking(ownCacheDirectory),
    failUnknown: failsUnknown(spec),
  });
  // The path to which filters are written is no input of the plan.
  asking(() => {
    each(warnings, rt.warn);
    if (rt.debug !== undefined) each(notes, rt.debug);
    rt.debug?.(`seccomp filter flags: ${flags}`);
  });
  return { bpf, flags, notify };
}
