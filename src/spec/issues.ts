/** What does not fit a schema, in words. Loaded only when something does not. */
import * as v from "valibot";
import { joinPath, show } from "./json.ts";
import { ProcessSchema } from "./process.ts";
import { SpecSchema } from "./spec.ts";

const SCHEMAS = { spec: SpecSchema, process: ProcessSchema };

/** Each mistake as "mounts[3].destination: expected a string but found 42", at most one for each path. */
export function describeIssues(name: keyof typeof SCHEMAS, value: unknown): string[] {
  const sentences = new Map<string, string>();
  dropNulls(value);
  for (const issue of v.safeParse(SCHEMAS[name] as v.GenericSchema, value).issues ?? []) {
    const path = pathOf(issue);
    if (sentences.has(path)) continue;
    const last = issue.path?.at(-1);
    const missing = last?.type === "object" && last.origin === "key";
    const found = last === undefined ? value : last.value;
    const sentence = missing ? "missing" : `expected ${issue.message} but found ${show(found)}`;
    sentences.set(path, path === "" ? sentence : `${path}: ${sentence}`);
  }
  if (sentences.size === 0) return ["has __proto__, prototype or constructor as a key, which is not allowed"];
  return [...sentences.values()];
}

/** Removes the fields that are null, which count as absent. A loop, since unknown fields may nest without bound. */
function dropNulls(value: unknown): void {
  const rest = [value];
  for (let x = rest.pop(); x !== undefined; x = rest.pop()) {
    if (typeof x !== "object" || x === null) continue;
    for (const [key, member] of Object.entries(x)) {
      if (member === null && !Array.isArray(x)) Reflect.deleteProperty(x, key);
      else if (member !== null) rest.push(member);
    }
  }
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  let path = "";
  for (const item of issue.path ?? []) {
    path = item.type === "array" ? `${path}[${item.key}]` : joinPath(path, String(item.key));
  }
  return path;
}
