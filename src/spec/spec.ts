/** The top level of config.json (runtime-spec 1.3, config.md). */
import type * as v from "valibot";
import { HooksSchema } from "./hooks.ts";
import { LinuxSchema } from "./linux.ts";
import { MountSchema, RootSchema } from "./mounts.ts";
import { ProcessSchema } from "./process.ts";
import { list, object, optional, optionalString, optionalStringMap, string } from "./types.ts";

export const SpecSchema = object({
  ociVersion: string,
  process: ProcessSchema,
  root: RootSchema,
  hostname: optionalString,
  domainname: optionalString,
  mounts: optional(list(MountSchema)),
  hooks: optional(HooksSchema),
  annotations: optionalStringMap,
  linux: optional(LinuxSchema, {}),
});

/** config.json. */
export type Spec = v.InferOutput<typeof SpecSchema>;
