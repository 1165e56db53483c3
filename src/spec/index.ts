/**
 * config.json: the OCI runtime-spec for Linux. This file exports what commands use. template.ts has specTemplate,
 * and conformance.ts the support of each field. valibot's schemas are in the files of the sections; loading them
 * would cost the hot path a millisecond.
 */
export { parseCpuList } from "./cpu-list.ts";
export type { Hook, HookName, Hooks } from "./hooks.ts";
export { parseJson, toJson, toSharedJson } from "./json.ts";
export type {
  Device,
  IntelRdt,
  Linux,
  MemoryPolicy,
  Namespace,
  NamespaceType,
  TimeOffset,
} from "./linux.ts";
export { type LoadedSpec, type LoadOptions, loadSpec, mistakeText, parseProcess, parseSpec } from "./load.ts";
export type { IDMapping, Mount, Root } from "./mounts.ts";
export type { Capabilities, IOPriority, Process, Rlimit, Scheduler, User } from "./process.ts";
export type { BlockIO, CPU, DeviceCgroup, Memory, Resources } from "./resources.ts";
export type {
  Seccomp,
  SeccompAction,
  SeccompArchitecture,
  SeccompFlag,
  SeccompOperator,
  Syscall,
  SyscallArg,
} from "./seccomp.ts";
export type { Spec } from "./spec.ts";
export type { Integer64 } from "./types.ts";
