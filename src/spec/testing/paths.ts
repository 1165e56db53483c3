/** The config paths of values and schemas, for tests. */
import { joinPath } from "../json.ts";
import type { SchemaNode } from "../schema-node.ts";

/** The paths of a schema's leaves in the form of conformance.ts: "[]" is any member, ".*" any key. */
export function schemaPaths(schema: object, path = ""): string[] {
  const node = schema as SchemaNode;
  if (node.type === "optional") return schemaPaths(node.wrapped!, path);
  if (node.type === "array") return schemaPaths(node.item!, `${path}[]`);
  if (node.type === "record" && node.value?.type === "object") return schemaPaths(node.value, `${path}.*`);
  if (node.type !== "object") return [path];
  return Object.entries(node.entries!).flatMap(([key, entry]) =>
    schemaPaths(entry, path === "" ? key : `${path}.${key}`),
  );
}

/** A member of a parsed JSON value. */
export interface Place {
  readonly path: string;
  readonly value: unknown;
  /** Replaces the member by another value. */
  readonly set: (value: unknown) => void;
}

/** All members of a value, at any depth. */
export function places(value: unknown, path = ""): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : joinPath(path, key);
    const set = (x: unknown) => {
      parent[key] = x;
    };
    return [{ path: at, value: parent[key], set }, ...places(parent[key], at)];
  });
}
