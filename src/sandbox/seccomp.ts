/** The seccomp filter of a sandbox that is given no other. */
import type { Seccomp, Syscall, SyscallArg } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { AF_VSOCK, ALLOWED, CLONE_NAMESPACES, PERSONALITIES, WITH_CAPABILITY } from "./seccomp-table.ts";

/** The calls of a group. */
export function callsOf(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** The filter for a program whose bounding set is this. Pure. */
export function defaultSeccomp(bounding: readonly string[]): Seccomp {
  const groups = [...ALLOWED, ...WITH_CAPABILITY.filter(({ capability }) => bounding.includes(capability))];
  const names = new Set(groups.flatMap(({ calls }) => callsOf(calls)));
  const syscalls: Syscall[] = [{ names: [...names].sort(), action: "SCMP_ACT_ALLOW" }];
  syscalls.push(
    ...PERSONALITIES.map((value) => when("personality", { index: 0, value, op: "SCMP_CMP_EQ" })),
    when("socket", { index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }),
  );
  if (!bounding.includes("CAP_SYS_ADMIN")) {
    syscalls.push(
      when("clone", { index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
      // Its flags are in memory, where a filter cannot look: glibc then uses clone.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: E.ENOSYS },
    );
  }
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: E.EPERM,
    architectures: architectures(),
    syscalls,
  };
}

function when(name: string, arg: SyscallArg): Syscall {
  return { names: [name], action: "SCMP_ACT_ALLOW", args: [arg] };
}

function architectures(): NonNullable<Seccomp["architectures"]> {
  return process.arch === "arm64"
    ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
}
