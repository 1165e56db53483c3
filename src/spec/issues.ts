/** Describes what does not fit a schema. Loaded only if something does not. */
import * as v from "valibot";
import type { JsonObject } from "./fits.ts";
import { joinPath, show } from "./json.ts";
import { ProcessSchema } from "./process.ts";
import type { SchemaNode } from "./schema-node.ts";
import { SpecSchema } from "./spec.ts";
import type { Mistake } from "./validate/findings.ts";

const SCHEMAS = { spec: SpecSchema, process: ProcessSchema };

/** The mistakes, such as "expected a string but found 42", at most one for each path. */
export function describeIssues(name: keyof typeof SCHEMAS, value: unknown): Mistake[] {
  const mistakes = new Map<string, Mistake>();
  const schema: v.GenericSchema = SCHEMAS[name];
  dropNulls(schema as SchemaNode, value);
  for (const issue of v.safeParse(schema, value).issues ?? []) {
    const path = pathOf(issue);
    if (mistakes.has(path)) continue;
    const last = issue.path?.at(-1);
    const missing = last?.type === "object" && last.origin === "key";
    const found = last === undefined ? value : last.value;
    const text = missing ? "missing" : `expected ${issue.message} but found ${show(found)}`;
    mistakes.set(path, { path, text });
  }
  if (mistakes.size === 0)
    return [{ path: "", text: "has __proto__, prototype or constructor as a key, which is not allowed" }];
  return [...mistakes.values()];
}

/** Removes optional fields that are null, which count as absent. Other nulls stay, since they are mistakes. */
export function dropNulls(schema: SchemaNode, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const parent = value as JsonObject;
  const member = schema.type === "array" ? schema.item : schema.type === "record" ? schema.value : undefined;
  if (member !== undefined) for (const key of Object.keys(parent)) dropNulls(member, parent[key]);
  for (const [key, field] of Object.entries(schema.entries ?? {})) {
    if (field.type === "optional" && parent[key] === null) Reflect.deleteProperty(parent, key);
    else dropNulls(field.wrapped ?? field, parent[key]);
  }
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  let path = "";
  for (const item of issue.path ?? []) {
    path = item.type === "array" ? `${path}[${item.key}]` : joinPath(path, String(item.key));
  }
  return path;
}
