/**
 * The TypeScript API of brun. A separate brun process does each operation, for the reasons in src/api/invoke.ts. The command
 * line does the same operations, those of src/container, in its own process.
 */

export { AbortError } from "./api/abort-error.ts";
export {
  type AppliedChange,
  type Change,
  type ChangedEntry,
  type ChangesOptions,
  KeptChanges,
  keptChanges,
} from "./api/changes.ts";
export { type ConfineOptions, confine } from "./api/confine.ts";
export {
  Container,
  create,
  type ExecOptions,
  type NetworkChange,
  OwnContainer,
  run,
} from "./api/container.ts";
export {
  type Creds,
  type Image,
  images,
  type PullOptions,
  type PushOptions,
  pull,
  push,
  type RegistryOptions,
} from "./api/images.ts";
export type { NetworkAnswer, NetworkListeners, NetworkQuestion } from "./api/network.ts";
export type {
  InputOf,
  Output,
  OutputMode,
  OutputOf,
  Process,
  StdinMode,
  StdinOf,
  StdioOptions,
} from "./api/process.ts";
export { doctor, explain, features } from "./api/queries.ts";
export type { CallOptions, RuntimeOptions } from "./api/runtime.ts";
export {
  type Changes,
  type ContainerOptions,
  type ContainerSettings,
  type ContainerSource,
  type FromBundle,
  type FromHost,
  type FromImage,
  type FromRootfs,
  type FromSpec,
  type SandboxOptions,
  type SandboxSource,
  type SpecInput,
  specOf,
} from "./api/spec.ts";
export type { Starting } from "./api/starting.ts";
export type { CgroupManagerName } from "./cgroup/types.ts";
export type { ContainerState, Status } from "./container/types.ts";
export type { Finding, FindingState } from "./doctor/finding.ts";
export { BrunError, type ErrorCode } from "./errors.ts";
export type { Explanation } from "./explain/explain.ts";
export type { Features } from "./features/features.ts";
export type { Fix } from "./fix.ts";
export type { ImageEvent, LayerState } from "./image/progress.ts";
export type { NetworkEvent } from "./net/log.ts";
export type { AuditedName, AuditReport } from "./sandbox/audit/report.ts";
export type {
  Hooks,
  IDMapping,
  Linux,
  Mount,
  Namespace,
  Process as SpecProcess,
  Resources,
  Rlimit,
  Seccomp,
  Spec,
} from "./spec/index.ts";
