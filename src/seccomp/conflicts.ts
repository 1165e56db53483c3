/**
 * Rules of a profile that have no effect: libseccomp keeps one of two that contradict, and says nothing.
 *
 * What is not noted: to a rule for `socket` and the like libseccomp adds one for `socketcall` on the architectures that
 * have it, where conditions on the arguments, which are in memory, are left out. So a profile that allows some families
 * allows all by `socketcall`, unless another rule without conditions refuses that.
 */
import type { Seccomp } from "../spec/seccomp.ts";
import { returnValue } from "./actions.ts";

interface Unconditional {
  readonly rule: number;
  readonly value: number;
}

/**
 * Notes on rules that cannot take effect. For one system call the first rule without conditions decides,
 * wherever it stands: later ones are ignored, and so are rules with conditions, before it and after it.
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

/** A rule whose action is the default's is not added at all, so it takes part in no conflict. */
function changesNothing(seccomp: Seccomp, value: number): boolean {
  return value === returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
}

function hasConditions(rule: { readonly args?: readonly unknown[] | undefined }): boolean {
  return (rule.args ?? []).length > 0;
}
