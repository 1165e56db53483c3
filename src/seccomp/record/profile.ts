/** --seccomp-record: makes the filter that reports system calls, and the profile from those that were seen. Pure. */
import { BrunError } from "../../errors.ts";
import type { Seccomp, Syscall } from "../../spec/seccomp.ts";

/** The system call with which the stage sends the listener to brun. No agent could answer for it before. */
const HANDS_OVER = "sendmsg";

/**
 * Calls that each profile gets if the filter allows them: sendmsg, which cannot be recorded; calls that depend on
 * signals or timing; and calls that brun's init makes to hand on a signal.
 */
export const UNRECORDED: readonly string[] = [
  HANDS_OVER,
  ...["exit", "exit_group", "restart_syscall", "rt_sigreturn", "sigreturn"],
  ...["ioctl", "kill", "rt_sigtimedwait", "wait4"],
];

const ALLOWS: ReadonlySet<string> = new Set(["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"]);

/** The calls that an agent is notified of. */
export interface Heard {
  /** The names of those calls, for filters that allow them by default. */
  readonly names: () => readonly string[];
  /** Whether the agent is notified of a call. */
  readonly has: (name: string) => boolean;
}

/**
 * The filter, changed so that an agent is notified of the calls that it allows. Refused calls stay refused.
 * @param filter null for none
 * @throws BrunError the filter cannot be recorded
 */
export function recordingFilter(filter: Seccomp | null, listenerPath: string, heard: Heard): Seccomp {
  const given: Seccomp = filter ?? { defaultAction: "SCMP_ACT_ALLOW" };
  const rules = given.syscalls ?? [];
  const hears = (name: string) => name !== HANDS_OVER && heard.has(name);
  if (rules.some(({ action }) => action === "SCMP_ACT_NOTIFY"))
    refuse("it has an agent of its own (SCMP_ACT_NOTIFY)");
  const syscalls = rules.flatMap((rule): Syscall[] => {
    if (!ALLOWS.has(rule.action)) return [rule];
    const names = rule.names.filter(hears);
    return [
      { ...rule, names, action: "SCMP_ACT_NOTIFY" },
      { ...rule, names: rule.names.filter((name) => !hears(name) && name !== HANDS_OVER) },
    ];
  });
  let handsOver = rules.some(
    ({ action, names, args }) => ALLOWS.has(action) && names.includes(HANDS_OVER) && !args?.length,
  );
  if (ALLOWS.has(given.defaultAction)) {
    const conditional = rules.find(({ args, names }) => args?.length && names.some(hears));
    if (conditional !== undefined) {
      refuse(`it allows what it does not name, and has conditions for ${conditional.names[0]}`);
    }
    const named = new Set(rules.flatMap(({ names }) => names));
    handsOver ||= !named.has(HANDS_OVER);
    const others = heard.names().filter((name) => !named.has(name) && hears(name));
    syscalls.push({ names: others, action: "SCMP_ACT_NOTIFY" });
  }
  if (!handsOver) refuse(`it refuses ${HANDS_OVER}, by which the listener is handed over`);
  if (!ALLOWS.has(given.defaultAction)) syscalls.push({ names: [HANDS_OVER], action: "SCMP_ACT_ALLOW" });
  return {
    ...given,
    flags: [...(given.flags ?? ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]), "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    listenerPath,
    syscalls: syscalls.filter(({ names }) => names.length > 0),
  };
}

function refuse(why: string): never {
  throw new BrunError(`the filter cannot be recorded: ${why}`, {
    code: "ERR_USAGE",
    hint: "--security-opt seccomp=unconfined records without it",
  });
}

/**
 * The part of the filter that was used. Of the calls that it allows, only those that were seen stay. What
 * it refuses stays refused.
 * @param filter null for none: calls that were not seen then fail with EPERM, as in other profiles
 */
export function recordedProfile(filter: Seccomp | null, seen: ReadonlySet<string>): Seccomp {
  const given: Seccomp = filter ?? { defaultAction: "SCMP_ACT_ALLOW" };
  const wanted = new Set([...seen, ...UNRECORDED]);
  const rules = given.syscalls ?? [];
  const syscalls = rules.flatMap((rule): Syscall[] => {
    if (!ALLOWS.has(rule.action)) return [rule];
    const names = rule.names.filter((name) => wanted.has(name));
    return names.length === 0 ? [] : [{ ...rule, names }];
  });
  if (!ALLOWS.has(given.defaultAction)) return { ...given, syscalls };
  const named = new Set(rules.flatMap(({ names }) => names));
  const names = [...wanted].filter((name) => !named.has(name)).sort();
  return {
    ...given,
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    syscalls: [{ names, action: "SCMP_ACT_ALLOW" }, ...syscalls],
  };
}

const EPERM = 1;

/** The calls that a profile allows, which a further run keeps. */
export function allowedNames({ syscalls = [] }: Seccomp): string[] {
  return syscalls.flatMap(({ names, action }) => (ALLOWS.has(action) ? names : []));
}
