/**
 * ENOSYS for system calls that are newer than the profile.
 *
 * An allow list answers every system call that it does not name with its default action. A C library that tries a
 * new system call first (clone3, faccessat2) takes ENOSYS as "use the old one", but EPERM as the answer. So calls
 * above the highest number that the profile names, for each architecture, get ENOSYS before the actual filter
 * runs. runc does the same (libcontainer/seccomp/patchbpf).
 */
import type { Seccomp } from "../spec/seccomp.ts";
import { E } from "../sys/errno.ts";
import { returnValue } from "./actions.ts";
import { BPF, DATA, type Instruction, jump, statement } from "./bpf.ts";

/** libseccomp's architecture tokens that brun treats specially. All others are equal to AUDIT_ARCH_*. */
export const TOKEN = { X86_64: 0xc000003e, X32: 0x4000003e, X86: 0x40000003, ARM: 0x40000028 } as const;

/** The bit that marks the number of an x32 system call (asm/unistd.h). */
export const X32_SYSCALL_BIT = 0x40000000;
/** The first of arm's private system calls (asm/unistd.h), which have a separate range of numbers. */
const ARM_PRIVATE = 0x0f0000;
const END = 0x100000000;

/** The numbers of one ABI, [low, high), and its AUDIT_ARCH, which other ABIs may share. */
interface Numbers {
  readonly arch: number;
  readonly low: number;
  readonly high: number;
}

function numbersOf(token: number): Numbers {
  switch (token) {
    case TOKEN.X86_64:
      return { arch: TOKEN.X86_64, low: 0, high: X32_SYSCALL_BIT };
    case TOKEN.X32:
      return { arch: TOKEN.X86_64, low: X32_SYSCALL_BIT, high: END };
    case TOKEN.ARM:
      return { arch: TOKEN.ARM, low: 0, high: ARM_PRIVATE };
    default:
      return { arch: token, low: 0, high: END };
  }
}

/** Whether a profile needs the stub. It does not if its default lets calls through, or is ENOSYS already. */
export function wantsEnosys(seccomp: Seccomp): boolean {
  switch (seccomp.defaultAction) {
    case "SCMP_ACT_ALLOW":
    case "SCMP_ACT_LOG":
    case "SCMP_ACT_TRACE": // a tracer is expected to know what to do with a new system call
      return false;
    case "SCMP_ACT_ERRNO":
      return seccomp.defaultErrnoRet !== E.ENOSYS;
    default:
      return true;
  }
}

/**
 * The highest number of an ABI that a profile names; null if there is none. libseccomp uses negative numbers for
 * system calls that the ABI lacks.
 */
export function lastSyscall(token: number, numbers: Iterable<number>): number | null {
  const { low, high } = numbersOf(token);
  let last: number | null = null;
  for (const nr of numbers) if (nr >= low && nr < high && nr > (last ?? -1)) last = nr;
  return last;
}

/**
 * The stub: instructions that return ENOSYS, or fall through to the filter.
 * @param lasts the highest number that the profile names, by libseccomp's architecture token
 */
export function enosysStub(lasts: ReadonlyMap<number, number>): Instruction[] {
  const sections = new Map<number, { numbers: Numbers; last: number }[]>();
  for (const [token, last] of lasts) {
    const numbers = numbersOf(token);
    sections.set(numbers.arch, [...(sections.get(numbers.arch) ?? []), { numbers, last }]);
  }
  const program: Instruction[] = [statement(BPF.LOAD, DATA.ARCH)];
  const ends: number[] = [];
  for (const [arch, abis] of sections) {
    const body = [statement(BPF.LOAD, DATA.NR), ...abis.flatMap(({ numbers, last }) => check(numbers, last))];
    program.push(jump(BPF.JUMP_EQUAL, arch, 0, body.length + 1), ...body);
    ends.push(program.length);
    program.push(statement(BPF.JUMP, 0));
  }
  for (const at of ends) program[at] = statement(BPF.JUMP, program.length - at - 1);
  return program;
}

const RETURN_ENOSYS = statement(BPF.RETURN, returnValue("SCMP_ACT_ERRNO", E.ENOSYS));

/** Returns ENOSYS if the accumulator is a number of the ABI above `last`. */
function check({ low, high }: Numbers, last: number): Instruction[] {
  const steps: Instruction[] = [jump(BPF.JUMP_GREATER, last, 0, 1), RETURN_ENOSYS];
  if (high < END) steps.unshift(jump(BPF.JUMP_GREATER_EQUAL, high, steps.length, 0));
  if (low > 0) steps.unshift(jump(BPF.JUMP_GREATER_EQUAL, low, 0, steps.length));
  return steps;
}
