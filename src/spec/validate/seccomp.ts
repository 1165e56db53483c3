/** Rules of `linux.seccomp` (runtime-spec, config-linux.md#seccomp; runc). */
import type { Seccomp } from "../seccomp.ts";
import type { Mistake } from "./findings.ts";

/**
 * Checks a filter, whose types the schema has checked. src/seccomp refuses what libseccomp
 * and the stage cannot do.
 */
export function validateSeccomp(seccomp: Seccomp, errors: Mistake[]): void {
  const { defaultAction, defaultErrnoRet, syscalls = [], listenerPath, listenerMetadata } = seccomp;
  let notifies = false;
  if (defaultErrnoRet !== undefined && !takesErrno(defaultAction)) {
    errors.push({ path: "linux.seccomp.defaultErrnoRet", text: `${defaultAction} takes no errno` });
  }
  for (let i = 0; i < syscalls.length; i++) {
    const { names, action, errnoRet } = syscalls[i]!;
    const path = `linux.seccomp.syscalls[${i}]`;
    if (names.length === 0)
      errors.push({ path: `${path}.names`, text: "expected at least one name but found an empty list" });
    if (errnoRet !== undefined && !takesErrno(action))
      errors.push({ path: `${path}.errnoRet`, text: `${action} takes no errno` });
    if (action === "SCMP_ACT_NOTIFY") notifies = true;
  }
  if (REFUSING.includes(defaultAction) && !syscalls.some(({ names }) => names.includes("execve"))) {
    errors.push({
      path: "linux.seccomp.syscalls",
      text: "no program starts without a rule that allows execve",
    });
  }
  if (notifies && !listenerPath) {
    errors.push({ path: "linux.seccomp.listenerPath", text: "missing, SCMP_ACT_NOTIFY needs it" });
  }
  if (listenerMetadata && !listenerPath) {
    errors.push({ path: "linux.seccomp.listenerMetadata", text: "needs listenerPath" });
  }
}

/** Actions that prevent a system call. */
const REFUSING = [
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
];

function takesErrno(action: string): boolean {
  return action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
}
