/**
 * Finds rules of a profile without effect: of two contradicting rules, libseccomp silently keeps one.
 *
 * One effect is not reported. For `socket` and similar calls, libseccomp adds a rule for `socketcall` on
 * architectures that have it. Conditions are left out there, since the arguments are in memory. So a
 * profile that allows some address families allows all of them by `socketcall`, unless another rule
 * without conditions refuses it.
 */
import type { Seccomp } from "../spec/seccomp.ts";
import { returnValue } from "./actions.ts";

interface Unconditional {
  readonly rule: number;
  readonly value: number;
}

/**
 * Notes on rules that cannot take effect. For each system call, the first rule without conditions decides. Later
 * rules are ignored, and so are all rules with conditions.
 */
export function conflicts(seccomp: Seccomp): string[] {
  const rules = seccomp.syscalls ?? [];
  const deciding = new Map<string, Unconditional>();
  rules.forEach((rule, i) => {
    const value = returnValue(rule.action, rule.errnoRet);
    if (changesNothing(seccomp, value) || hasConditions(rule)) return;
    for (const name of rule.names) if (!deciding.has(name)) deciding.set(name, { rule: i, value });
  });
  const notes: string[] = [];
  rules.forEach((rule, i) => {
    const value = returnValue(rule.action, rule.errnoRet);
    if (changesNothing(seccomp, value)) return;
    for (const name of rule.names) {
      const winner = deciding.get(name);
      if (winner === undefined || winner.value === value) continue;
      const what = hasConditions(rule)
        ? `${rule.action} for ${name} with conditions`
        : `${rule.action} for ${name}`;
      notes.push(
        `linux.seccomp.syscalls[${i}]: ${what} has no effect: linux.seccomp.syscalls[${winner.rule}] has another action for it without conditions`,
      );
    }
  });
  return notes;
}

/** libseccomp does not add a rule with the default action, so such a rule is part of no conflict. */
function changesNothing(seccomp: Seccomp, value: number): boolean {
  return value === returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
}

function hasConditions(rule: { readonly args?: readonly unknown[] | undefined }): boolean {
  return (rule.args ?? []).length > 0;
}
