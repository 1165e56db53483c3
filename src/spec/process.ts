/** `process`: the program that the container runs (runtime-spec, config.md#process). */
import type * as v from "valibot";
import { RLIMITS } from "../sys/constants.ts";
import {
  id,
  integer,
  list,
  object,
  oneOf,
  optional,
  optionalBoolean,
  optionalString,
  optionalStrings,
  optionalUint32,
  optionalUint64,
  string,
  uint16,
  uint64,
} from "./types.ts";

const UserSchema = object({
  uid: optional(id, 0),
  gid: optional(id, 0),
  umask: optionalUint32,
  additionalGids: optional(list(id)),
  username: optionalString,
});

/** `process.user`: ids inside the container. */
export type User = v.InferOutput<typeof UserSchema>;

const CapabilitiesSchema = object({
  bounding: optionalStrings,
  effective: optionalStrings,
  inheritable: optionalStrings,
  permitted: optionalStrings,
  ambient: optionalStrings,
});

/** `process.capabilities`: five sets of names such as "CAP_KILL" (capabilities(7)). */
export type Capabilities = v.InferOutput<typeof CapabilitiesSchema>;

const RlimitSchema = object({ type: oneOf(RLIMITS), hard: uint64, soft: uint64 });

/** `process.rlimits[]`; 2^64-1 is RLIM_INFINITY. */
export type Rlimit = v.InferOutput<typeof RlimitSchema>;

const SchedulerSchema = object({
  policy: oneOf([
    "SCHED_OTHER",
    "SCHED_FIFO",
    "SCHED_RR",
    "SCHED_BATCH",
    "SCHED_ISO",
    "SCHED_IDLE",
    "SCHED_DEADLINE",
  ]),
  nice: optional(integer(-2147483648, 2147483647)),
  priority: optional(integer(-2147483648, 2147483647)),
  flags: optional(
    list(
      oneOf([
        "SCHED_FLAG_RESET_ON_FORK",
        "SCHED_FLAG_RECLAIM",
        "SCHED_FLAG_DL_OVERRUN",
        "SCHED_FLAG_KEEP_POLICY",
        "SCHED_FLAG_KEEP_PARAMS",
        "SCHED_FLAG_UTIL_CLAMP_MIN",
        "SCHED_FLAG_UTIL_CLAMP_MAX",
      ]),
    ),
  ),
  runtime: optionalUint64,
  deadline: optionalUint64,
  period: optionalUint64,
});

/** `process.scheduler`: sched_setattr(2); runtime, deadline and period in nanoseconds. */
export type Scheduler = v.InferOutput<typeof SchedulerSchema>;

const IOPrioritySchema = object({
  class: oneOf(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]),
  priority: optional(integer(0, 7), 0),
});

/** `process.ioPriority`: ioprio_set(2). */
export type IOPriority = v.InferOutput<typeof IOPrioritySchema>;

export const ProcessSchema = object({
  terminal: optionalBoolean,
  consoleSize: optional(object({ height: uint16, width: uint16 })),
  user: optional(UserSchema, {}),
  args: optionalStrings,
  commandLine: optionalString,
  env: optionalStrings,
  cwd: string,
  capabilities: optional(CapabilitiesSchema),
  rlimits: optional(list(RlimitSchema)),
  noNewPrivileges: optionalBoolean,
  apparmorProfile: optionalString,
  oomScoreAdj: optional(integer(-1000, 1000)),
  scheduler: optional(SchedulerSchema),
  selinuxLabel: optionalString,
  ioPriority: optional(IOPrioritySchema),
  execCPUAffinity: optional(object({ initial: optionalString, final: optionalString })),
});

/** `process`, which is also the input of `exec -p`. */
export type Process = v.InferOutput<typeof ProcessSchema>;
