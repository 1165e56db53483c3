/** `root` and `mounts` (runtime-spec, config.md#root, config.md#mounts). */
import type * as v from "valibot";
import {
  list,
  object,
  optional,
  optionalBoolean,
  optionalString,
  optionalStrings,
  string,
  uint32,
} from "./types.ts";

const IDMappingSchema = object({ containerID: uint32, hostID: uint32, size: uint32 });

/** A line of uid_map or gid_map (user_namespaces(7)). */
export type IDMapping = v.InferOutput<typeof IDMappingSchema>;

export const optionalIDMappings = optional(list(IDMappingSchema));

export const RootSchema = object({ path: string, readonly: optionalBoolean });

/** `root`: the root file system; a relative path starts at the bundle. */
export type Root = v.InferOutput<typeof RootSchema>;

export const MountSchema = object({
  destination: string,
  type: optionalString,
  source: optionalString,
  options: optionalStrings,
  uidMappings: optionalIDMappings,
  gidMappings: optionalIDMappings,
});

/** `mounts[]`, in the order in which they are made. */
export type Mount = v.InferOutput<typeof MountSchema>;
