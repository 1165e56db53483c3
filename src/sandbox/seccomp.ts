/** The default seccomp filter of a sandbox. */
import type { Seccomp, Syscall, SyscallArg } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { any, mapped } from "../sys/lists.ts";
import {
  ALLOWED,
  CLONE_NAMESPACES,
  NESTING,
  PERSONALITIES,
  REFUSED_FAMILIES,
  WITH_CAPABILITY,
} from "./seccomp-table.ts";

/** The calls of a group. */
export function callsOf(text: string): string[] {
  return text.trim().split(/\s+/);
}

/**
 * Makes the filter for a program with this bounding set. Pure.
 * @param nesting whether the program may make containers (--allow-nesting)
 */
export function defaultSeccomp(bounding: readonly string[], nesting: boolean): Seccomp {
  const groups = [
    ...ALLOWED,
    ...(nesting ? [NESTING] : []),
    ...WITH_CAPABILITY.filter(({ capability }) => bounding.includes(capability)),
  ];
  const names = new Set(groups.flatMap(({ calls }) => callsOf(calls)));
  const syscalls: Syscall[] = [
    { names: [...names].sort(), action: "SCMP_ACT_ALLOW" },
    // A filter cannot read the arguments of socketcall, which are in memory. Without this rule, which must
    // precede those for socket, libseccomp adds a rule for socketcall to each of them, and that rule does not
    // check the family. C libraries use socket if socketcall fails.
    { names: ["socketcall"], action: "SCMP_ACT_ERRNO", errnoRet: E.ENOSYS },
  ];
  syscalls.push(
    ...PERSONALITIES.map((value) => when("personality", { index: 0, value, op: "SCMP_CMP_EQ" })),
    ...familyBlocks(mapped(REFUSED_FAMILIES, ({ number }) => number)).map(([value, mask]) =>
      when("socket", { index: 0, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" }),
    ),
  );
  // If keyctl does not exist, runtimes go on without a session keyring for the container. If it is refused,
  // they fail.
  if (nesting) syscalls.push({ names: ["keyctl"], action: "SCMP_ACT_ERRNO", errnoRet: E.ENOSYS });
  if (!nesting && !bounding.includes("CAP_SYS_ADMIN")) {
    syscalls.push(
      when("clone", { index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
      // A filter cannot read the flags of clone3, which are in memory. If it fails, glibc uses clone.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: E.ENOSYS },
    );
  }
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: E.EPERM,
    architectures: defaultArchitectures(),
    syscalls,
  };
}

/** A number beyond all address families (AF_MAX of Linux 6.18 is 46). */
const FAMILIES = 64;
const WORD = 2 ** 32;

/**
 * All address families except these, as blocks of a power of two: the families of a block have the same bits
 * under its mask. Like the kernel, the mask ignores the upper half of the argument: for the kernel
 * 0x1_0000_0026 is AF_ALG. Comparisons with "less" or "greater" use all 64 bits, and would let it through.
 */
export function familyBlocks(refused: readonly number[]): [value: number, mask: number][] {
  const blocks: [number, number][] = [];
  const add = (start: number, size: number): void => {
    if (!any(refused, (family) => family >= start && family < start + size))
      blocks.push([start, WORD - size]);
    else if (size > 1) for (const half of [start, start + size / 2]) add(half, size / 2);
  };
  add(0, FAMILIES);
  return blocks;
}

function when(name: string, arg: SyscallArg): Syscall {
  return { names: [name], action: "SCMP_ACT_ALLOW", args: [arg] };
}

/** The machine's own architecture and its 32-bit relatives. */
export function defaultArchitectures(): NonNullable<Seccomp["architectures"]> {
  return process.arch === "arm64"
    ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
}
