/** `linux.seccomp`: the system call filter (runtime-spec, config-linux.md#seccomp; libseccomp's names). */
import type * as v from "valibot";
import {
  integer,
  list,
  object,
  oneOf,
  optional,
  optionalString,
  optionalUint64,
  string,
  uint16,
  uint64,
} from "./types.ts";

const ActionSchema = oneOf([
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
]);

/** The action for a matched system call. */
export type SeccompAction = v.InferOutput<typeof ActionSchema>;

const ArchitectureSchema = oneOf([
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_RISCV64",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
]);

/** A system call ABI, with libseccomp's name. */
export type SeccompArchitecture = v.InferOutput<typeof ArchitectureSchema>;

const FlagSchema = oneOf([
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
]);

/** A flag of seccomp(2). */
export type SeccompFlag = v.InferOutput<typeof FlagSchema>;

const OperatorSchema = oneOf([
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
]);

/** A comparison of a system call's argument with a value. */
export type SeccompOperator = v.InferOutput<typeof OperatorSchema>;

/** An errno, or the message for a tracer: the low 16 bits of a filter's result. */
const optionalErrno = optional(uint16);

export const SyscallArgSchema = object({
  index: integer(0, 5),
  value: uint64,
  valueTwo: optionalUint64,
  op: OperatorSchema,
});

/** `linux.seccomp.syscalls[].args[]`. */
export type SyscallArg = v.InferOutput<typeof SyscallArgSchema>;

export const SyscallSchema = object({
  names: list(string),
  action: ActionSchema,
  errnoRet: optionalErrno,
  args: optional(list(SyscallArgSchema)),
});

/** `linux.seccomp.syscalls[]`: what to do with some system calls. */
export type Syscall = v.InferOutput<typeof SyscallSchema>;

export const SeccompSchema = object({
  defaultAction: ActionSchema,
  defaultErrnoRet: optionalErrno,
  architectures: optional(list(ArchitectureSchema)),
  flags: optional(list(FlagSchema)),
  listenerPath: optionalString,
  listenerMetadata: optionalString,
  syscalls: optional(list(SyscallSchema)),
});

/** `linux.seccomp`. */
export type Seccomp = v.InferOutput<typeof SeccompSchema>;
