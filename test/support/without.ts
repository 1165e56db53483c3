/** Running a program without system calls: on a kernel that lacks them, or under a filter that refuses them. */
import { NR, type SyscallName } from "../../src/sys/syscalls.ts";
import { compiled } from "./compiled.ts";

/** A call that fails; with `argument` only where that one has these bits of the mask. */
export interface Refusal {
  /** By its number where brun has no use for it. */
  readonly call: SyscallName | number;
  readonly errno: number;
  readonly argument?: { readonly index: number; readonly mask: number; readonly value: number };
}

/** What kernels that have no such call say, and what some seccomp filters say. */
export const ENOSYS = 38;
export const EPERM = 1;

/** The calls, all with the same errno. */
export function refusing(calls: readonly SyscallName[], errno: number): Refusal[] {
  return calls.map((call) => ({ call, errno }));
}

/** A program and its first argument, to be put before the words of another one. */
export function without(refusals: readonly Refusal[]): string[] {
  const words = refusals.map(({ call, errno, argument }) => {
    const narrow = argument === undefined ? "" : `/${argument.index}/${argument.mask}/${argument.value}`;
    return `${typeof call === "number" ? call : NR[call]}${narrow}=${errno}`;
  });
  return [compiled(`${import.meta.dir}/without.c`), words.join(",")];
}
