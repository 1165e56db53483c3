/** `linux`: the settings that only Linux has (runtime-spec, config-linux.md). */
import type * as v from "valibot";
import { optionalIDMappings } from "./mounts.ts";
import { ResourcesSchema } from "./resources.ts";
import { SeccompSchema } from "./seccomp.ts";
import {
  id,
  list,
  map,
  object,
  oneOf,
  oneOfOrEmpty,
  optional,
  optionalBoolean,
  optionalInt64,
  optionalString,
  optionalStringMap,
  optionalStrings,
  optionalUint32,
  string,
  uint32,
} from "./types.ts";

export const NAMESPACES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;

/** A type of namespace, with the spec's name. */
export type NamespaceType = (typeof NAMESPACES)[number];

const NamespaceSchema = object({ type: oneOf(NAMESPACES), path: optionalString });

/** `linux.namespaces[]`: a new namespace, or the one at `path`. */
export type Namespace = v.InferOutput<typeof NamespaceSchema>;

const DeviceSchema = object({
  path: string,
  type: oneOf(["c", "b", "u", "p"]),
  major: optional(uint32, 0),
  minor: optional(uint32, 0),
  fileMode: optionalUint32,
  uid: optional(id),
  gid: optional(id),
});

/** `linux.devices[]`: a device node in the container's /dev (mknod(2)). Its ids are those inside. */
export type Device = v.InferOutput<typeof DeviceSchema>;

/** `linux.rootfsPropagation`: the spec's four values, and the recursive forms that runc accepts. */
const PROPAGATIONS = [
  "shared",
  "slave",
  "private",
  "unbindable",
  "rshared",
  "rslave",
  "rprivate",
  "runbindable",
] as const;

const IntelRdtSchema = object({
  closID: optionalString,
  schemata: optionalStrings,
  l3CacheSchema: optionalString,
  memBwSchema: optionalString,
  enableMonitoring: optionalBoolean,
  enableCMT: optionalBoolean,
  enableMBM: optionalBoolean,
});

/** `linux.intelRdt`: a resctrl group. enableCMT and enableMBM are fields of the spec before 1.3. */
export type IntelRdt = v.InferOutput<typeof IntelRdtSchema>;

export const MemoryPolicySchema = object({
  mode: oneOf([
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
  ]),
  nodes: optionalString,
  flags: optional(list(oneOf(["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]))),
});

/** `linux.memoryPolicy`: set_mempolicy(2). */
export type MemoryPolicy = v.InferOutput<typeof MemoryPolicySchema>;

const TimeOffsetSchema = object({ secs: optionalInt64, nanosecs: optionalUint32 });

/** `linux.timeOffsets`, by clock: seconds and nanoseconds to add (time_namespaces(7)). */
export type TimeOffset = v.InferOutput<typeof TimeOffsetSchema>;

const optionalTimeOffset = optional(TimeOffsetSchema);

export const LinuxSchema = object({
  uidMappings: optionalIDMappings,
  gidMappings: optionalIDMappings,
  sysctl: optionalStringMap,
  resources: optional(ResourcesSchema),
  cgroupsPath: optionalString,
  namespaces: optional(list(NamespaceSchema)),
  devices: optional(list(DeviceSchema)),
  netDevices: optional(map(object({ name: optionalString }))),
  seccomp: optional(SeccompSchema),
  rootfsPropagation: optional(oneOfOrEmpty(PROPAGATIONS)),
  maskedPaths: optionalStrings,
  readonlyPaths: optionalStrings,
  mountLabel: optionalString,
  intelRdt: optional(IntelRdtSchema),
  memoryPolicy: optional(MemoryPolicySchema),
  personality: optional(object({ domain: oneOf(["LINUX", "LINUX32"]), flags: optionalStrings })),
  timeOffsets: optional(object({ monotonic: optionalTimeOffset, boottime: optionalTimeOffset })),
});

/** `linux`. */
export type Linux = v.InferOutput<typeof LinuxSchema>;
