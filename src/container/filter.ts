/** linux.seccomp as a filter to install; libseccomp and its cache are loaded only for a spec that has one. */

import type { SeccompFilter } from "../config/types.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import type { Spec } from "../spec/index.ts";
import { variable } from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { writeFile } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";
import { paths } from "./store.ts";
import type { Runtime } from "./types.ts";

const FAIL_UNKNOWN = "run.oci.seccomp_fail_unknown_syscall";

/** Whether a system call that libseccomp does not know is an error, by crun's annotation. */
export function failsUnknown(spec: Spec): boolean {
  return spec.annotations?.[FAIL_UNKNOWN] === "1";
}

/**
 * Compiles the spec's seccomp section and keeps the filter beside the state, for `exec`; null without one.
 * Throws a BrunError.
 */
export function prepareSeccomp(rt: Runtime, id: string, spec: Spec): SeccompFilter | null {
  const seccomp = spec.linux?.seccomp;
  if (seccomp === undefined) return null;
  const { bpf, flags, notify, warnings, notes, library } = compileSeccomp(seccomp, {
    cacheDirectory: cacheDirectory(),
    failUnknown: failsUnknown(spec),
  });
  for (const warning of warnings) rt.warn(warning);
  if (rt.debug !== undefined) each(notes, rt.debug);
  rt.debug?.(`seccomp filter flags: ${flags}`);
  writeFile(paths(rt.root, id).filter, bpf, 0o600);
  return { bpf, flags, notify, library };
}

/** $XDG_CACHE_HOME/brun or ~/.cache/brun; root's is /var/cache/brun. Undefined: nothing is cached. */
function cacheDirectory(): string | undefined {
  if (syscall(NR.geteuid) === 0) return "/var/cache/brun";
  const [XDG_CACHE_HOME, HOME] = [variable("XDG_CACHE_HOME"), variable("HOME")];
  if (XDG_CACHE_HOME?.startsWith("/")) return `${XDG_CACHE_HOME}/brun`;
  return HOME?.startsWith("/") && HOME !== "/" ? `${HOME}/.cache/brun` : undefined;
}
