/** Runs a program without some system calls, as on a kernel that lacks them or under a filter that refuses them. */
import { NR, type SyscallName } from "../../src/sys/syscalls.ts";
import { compiled } from "./compiled.ts";

/** A system call that fails. With `argument` it fails only if the argument has these bits of the mask. */
export interface Refusal {
  /** Its number if brun does not use the call. */
  readonly call: SyscallName | number;
  readonly errno: number;
  readonly argument?: { readonly index: number; readonly mask: number; readonly value: number };
}

/** The error of kernels without the call, and the error of some seccomp filters. */
export const ENOSYS = 38;
export const EPERM = 1;

/** Refuses all these calls with the same errno. */
export function refusing(calls: readonly SyscallName[], errno: number): Refusal[] {
  return calls.map((call) => ({ call, errno }));
}

/** Words before a command: a program and its first argument. */
export function without(refusals: readonly Refusal[]): string[] {
  const words = refusals.map(({ call, errno, argument }) => {
    const narrow = argument === undefined ? "" : `/${argument.index}/${argument.mask}/${argument.value}`;
    return `${typeof call === "number" ? call : NR[call]}${narrow}=${errno}`;
  });
  return [compiled(`${import.meta.dir}/without.c`), words.join(",")];
}
