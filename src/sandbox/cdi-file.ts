/**
 * Files of the Container Device Interface, in which a vendor describes what a container needs for its devices
 * (cdi SPEC.md, 1.1).
 */
import * as v from "valibot";
import { BrunError } from "../errors.ts";
import { HOOK_NAMES } from "../spec/validate/hooks.ts";

const strings = v.optional(v.array(v.string()));

const DeviceNodeSchema = v.object({
  path: v.string(),
  hostPath: v.optional(v.string()),
  permissions: v.optional(v.string()),
});

const EditsSchema = v.object({
  env: strings,
  deviceNodes: v.optional(v.array(DeviceNodeSchema)),
  netDevices: v.optional(v.array(v.object({ hostInterfaceName: v.string(), name: v.string() }))),
  mounts: v.optional(
    v.array(
      v.object({
        hostPath: v.string(),
        containerPath: v.string(),
        type: v.optional(v.string()),
        options: strings,
      }),
    ),
  ),
  hooks: v.optional(
    v.array(
      v.object({
        hookName: v.picklist(HOOK_NAMES),
        path: v.string(),
        args: strings,
        env: strings,
        timeout: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
      }),
    ),
  ),
  additionalGids: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(0)))),
  intelRdt: v.optional(v.record(v.string(), v.unknown())),
});

const FileSchema = v.object({
  cdiVersion: v.pipe(v.string(), v.regex(/^v?[01]\.\d+\.\d+$/, "a version 0 or 1 of CDI is expected")),
  kind: v.pipe(v.string(), v.regex(/^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*$/, "VENDOR/CLASS is expected")),
  devices: v.array(v.object({ name: v.string(), containerEdits: EditsSchema })),
  containerEdits: v.optional(EditsSchema),
});

/** `containerEdits`. */
export type CdiEdits = v.InferOutput<typeof EditsSchema>;

/** `containerEdits.deviceNodes[]`. */
export type CdiNode = v.InferOutput<typeof DeviceNodeSchema>;

/** A CDI file. */
export type CdiFile = v.InferOutput<typeof FileSchema>;

/** Parses JSON or YAML. Throws a BrunError. */
export function parseCdi(text: string, path: string): CdiFile {
  let value: unknown;
  try {
    value = path.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(text);
  } catch (error) {
    throw new BrunError(`${path}: ${(error as Error).message}`, { code: "ERR_CONFIG" });
  }
  const { success, output, issues } = v.safeParse(FileSchema, value);
  if (success) return output;
  const [issue] = issues;
  throw new BrunError(`${path}: ${v.getDotPath(issue) ?? "the file"}: ${issue.message}`, {
    code: "ERR_CONFIG",
  });
}
