/** Maps the names of the OCI spec for seccomp to the numbers of libseccomp and the kernel (linux/seccomp.h). */
import type { SeccompAction, SeccompOperator } from "../spec/seccomp.ts";

const RETURN_VALUES: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL: 0x00000000, // kills the thread, as libseccomp defines it
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

const DEFAULT_ERRNO = 1; // EPERM, as runc and crun

/**
 * The return value of a filter for an action. `errnoRet` is the errno of SCMP_ACT_ERRNO or the message of
 * SCMP_ACT_TRACE, by default EPERM. Other actions have none.
 */
export function returnValue(action: SeccompAction, errnoRet: number | undefined): number {
  const value = RETURN_VALUES[action];
  const hasData = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return hasData ? value + ((errnoRet ?? DEFAULT_ERRNO) & 0xffff) : value;
}

/** enum scmp_compare. */
export const OPERATORS: Readonly<Record<SeccompOperator, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};
