/** `linux.resources`: the limits of the container's cgroup (runtime-spec, config-linux.md#control-groups). */
import type * as v from "valibot";
import {
  boolean,
  integer,
  list,
  map,
  object,
  oneOfOrEmpty,
  optional,
  optionalBoolean,
  optionalInt64,
  optionalString,
  optionalStringMap,
  optionalUint16,
  optionalUint32,
  optionalUint64,
  string,
  uint32,
  uint64,
} from "./types.ts";

/** A device number in a rule of the device controller; -1 stands for every number, as in runc. */
const optionalDeviceNumber = optional(integer(-1, 4294967295));

const DeviceCgroupSchema = object({
  allow: boolean,
  type: optional(oneOfOrEmpty(["a", "c", "b"])),
  major: optionalDeviceNumber,
  minor: optionalDeviceNumber,
  access: optionalString,
});

/** `linux.resources.devices[]`: a rule of the device controller. */
export type DeviceCgroup = v.InferOutput<typeof DeviceCgroupSchema>;

const MemorySchema = object({
  limit: optionalInt64,
  reservation: optionalInt64,
  swap: optionalInt64,
  kernel: optionalInt64,
  kernelTCP: optionalInt64,
  swappiness: optionalUint64,
  disableOOMKiller: optionalBoolean,
  useHierarchy: optionalBoolean,
  checkBeforeUpdate: optionalBoolean,
});

/** `linux.resources.memory`, in bytes; -1 is no limit. `swap` is the sum of memory and swap. */
export type Memory = v.InferOutput<typeof MemorySchema>;

const CPUSchema = object({
  shares: optionalUint64,
  quota: optionalInt64,
  burst: optionalUint64,
  period: optionalUint64,
  realtimeRuntime: optionalInt64,
  realtimePeriod: optionalUint64,
  cpus: optionalString,
  mems: optionalString,
  idle: optionalInt64,
});

/** `linux.resources.cpu`; times in microseconds. */
export type CPU = v.InferOutput<typeof CPUSchema>;

const throttles = optional(list(object({ major: uint32, minor: uint32, rate: uint64 })));

const BlockIOSchema = object({
  weight: optionalUint16,
  leafWeight: optionalUint16,
  weightDevice: optional(
    list(object({ major: uint32, minor: uint32, weight: optionalUint16, leafWeight: optionalUint16 })),
  ),
  throttleReadBpsDevice: throttles,
  throttleWriteBpsDevice: throttles,
  throttleReadIOPSDevice: throttles,
  throttleWriteIOPSDevice: throttles,
});

/** `linux.resources.blockIO`; rates in bytes or operations a second. */
export type BlockIO = v.InferOutput<typeof BlockIOSchema>;

export const ResourcesSchema = object({
  devices: optional(list(DeviceCgroupSchema)),
  memory: optional(MemorySchema),
  cpu: optional(CPUSchema),
  pids: optional(object({ limit: optionalInt64 })),
  blockIO: optional(BlockIOSchema),
  hugepageLimits: optional(list(object({ pageSize: string, limit: uint64 }))),
  network: optional(
    object({
      classID: optionalUint32,
      priorities: optional(list(object({ name: string, priority: uint32 }))),
    }),
  ),
  rdma: optional(map(object({ hcaHandles: optionalUint32, hcaObjects: optionalUint32 }))),
  unified: optionalStringMap,
});

/** `linux.resources`. */
export type Resources = v.InferOutput<typeof ResourcesSchema>;
