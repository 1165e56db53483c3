/** The flags of seccomp(2) for a profile, and whether it needs a listener. */
import { BrunError } from "../errors.ts";
import { call } from "../host/ask.ts";
import type { Seccomp } from "../spec/seccomp.ts";
import { E } from "../sys/errno.ts";

/** SECCOMP_FILTER_FLAG_* (linux/seccomp.h). */
export const FILTER_FLAG = {
  LOG: 1 << 1,
  SPEC_ALLOW: 1 << 2,
  NEW_LISTENER: 1 << 3,
  WAIT_KILLABLE_RECV: 1 << 5,
} as const;

const SECCOMP_SET_MODE_FILTER = 1;

/** The arguments of seccomp(2) besides the program. */
export interface Flags {
  readonly flags: number;
  /** Whether an action is SCMP_ACT_NOTIFY, so that seccomp(2) returns the descriptor of a listener. */
  readonly notify: boolean;
  readonly warnings: readonly string[];
  /** Flags without an effect, for `--debug`. */
  readonly notes: readonly string[];
}

/**
 * The flags for a profile. The default is SPEC_ALLOW, as in runc and crun; an empty list stands for no flag. TSYNC
 * needs no action, since the stage has a single thread. Throws a BrunError if SCMP_ACT_NOTIFY is used for a call
 * by which the stage sends the listener to brun.
 */
export function filterFlags(seccomp: Seccomp): Flags {
  const warnings: string[] = [];
  const notes: string[] = [];
  const notify = usesNotify(seccomp);
  let flags: number = notify ? FILTER_FLAG.NEW_LISTENER : 0;
  if (seccomp.flags === undefined) flags |= FILTER_FLAG.SPEC_ALLOW;
  for (const flag of seccomp.flags ?? []) {
    if (flag === "SECCOMP_FILTER_FLAG_LOG") flags |= FILTER_FLAG.LOG;
    if (flag === "SECCOMP_FILTER_FLAG_SPEC_ALLOW") flags |= FILTER_FLAG.SPEC_ALLOW;
    if (flag !== "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") continue;
    const ignored = `linux.seccomp.flags: ${flag} is ignored`;
    if (!notify) notes.push(`${ignored}: no action is SCMP_ACT_NOTIFY`);
    else if (!knowsFlag(FILTER_FLAG.WAIT_KILLABLE_RECV | FILTER_FLAG.NEW_LISTENER)) {
      warnings.push(`${ignored}: it needs Linux 5.19`);
    } else flags |= FILTER_FLAG.WAIT_KILLABLE_RECV;
  }
  return { flags, notify, warnings, notes };
}

/**
 * Whether the kernel knows these flags. It checks them before the program: unknown flags are EINVAL,
 * a null program is EFAULT.
 */
function knowsFlag(flags: number): boolean {
  return call("seccomp", SECCOMP_SET_MODE_FILTER, flags) === -E.EFAULT;
}

function usesNotify(seccomp: Seccomp): boolean {
  if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
    throw notifyError("cannot be the default action", "linux.seccomp.defaultAction");
  }
  let notify = false;
  const rules = seccomp.syscalls ?? [];
  for (let i = 0; i < rules.length; i++) {
    const { action, names } = rules[i]!;
    if (action !== "SCMP_ACT_NOTIFY") continue;
    if (names.includes("sendmsg")) {
      throw notifyError("cannot be used for sendmsg", `linux.seccomp.syscalls[${i}]`);
    }
    notify = true;
  }
  return notify;
}

function notifyError(problem: string, where: string): BrunError {
  const why = "the listener's descriptor could not be sent to the agent any more";
  return new BrunError(`SCMP_ACT_NOTIFY ${problem}: ${why}`, { where });
}
