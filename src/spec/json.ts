/** JSON text to values, with errors that say where. */

import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { lazy } from "../sys/lazy.ts";
import { withoutMark } from "../sys/utf8.ts";
import type { JsonObject } from "./fits.ts";

const jsonErrorModule = lazy<typeof import("./json-error.ts")>(() => require("./json-error.ts"));

/**
 * Parses JSON. Throws a BrunError with line and column.
 * @param where the file, for errors
 * @param exact integers that a number cannot hold become bigints; slower, so only for texts that have some
 */
export function parseJson(text: string, where: string, exact = false): unknown {
  const json = withoutMark(text);
  try {
    // Bytes that are not UTF-8 are none of JSON's (RFC 8259, 8.1), which JSON.parse would not see.
    if (!json.isWellFormed()) throw new SyntaxError("not UTF-8");
    return exact ? JSON.parse(json, exactInteger) : JSON.parse(json);
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new BrunError(`${where} is nested too deeply`, { code: "ERR_CONFIG", where, cause });
    const { describeSyntaxError } = jsonErrorModule();
    throw new BrunError(describeSyntaxError(json), { code: "ERR_CONFIG", where, cause });
  }
}

/** Reviver that makes a bigint of an integer beyond ±2^53, from its source text. */
function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}

/** JSON text of a value, indented by tabs unless said otherwise; bigints are written as integers. */
export function toJson(value: unknown, indent = "\t"): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch {
    // There is a bigint, which JSON.stringify refuses: the replacer is for those, as it slows all others down.
    // Not in TypeScript's library yet (ECMAScript proposal "JSON.parse source text access").
    const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
    return JSON.stringify(value, (_key, x) => (typeof x === "bigint" ? rawJSON(`${x}`) : x), indent);
  }
}

/**
 * JSON text of a value for others to read. Throws a BrunError where it has bytes that are not UTF-8, which JSON cannot
 * hold: what {@link toJson} writes for them means something only to brun.
 */
export function toSharedJson(value: unknown, indent = "\t"): string {
  const text = toJson(value, indent);
  const [path] = text.includes("\\udc") ? textPaths(value, (x) => !x.isWellFormed()) : [];
  if (path === undefined) return text;
  throw new BrunError(`${path} has bytes that are not UTF-8, which JSON cannot hold`, { where: path });
}

/** Config paths of the strings and keys of a value of which something holds. */
export function textPaths(value: unknown, holds: (text: string) => boolean): string[] {
  const found: string[] = [];
  const rest: [string, unknown][] = [["", value]];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [path, x] = next;
    if (typeof x === "string") {
      if (holds(x)) found.push(path);
    } else if (typeof x === "object" && x !== null) {
      for (const [key, member] of Object.entries(x as JsonObject)) {
        const at = Array.isArray(x) ? `${path}[${key}]` : joinPath(path, key);
        if (holds(key)) found.push(at);
        else rest.push([at, member]);
      }
    }
  }
  return found.reverse();
}

/** The config path of a member: `linux.sysctl["net.ipv4.ip_forward"]`, `process.cwd`. */
export function joinPath(path: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${path}[${quoted(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** A value as an error message shows it: JSON, cut after 60 characters. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text =
    typeof value === "bigint"
      ? `${value}`
      : typeof value === "string"
        ? quoted(value)
        : JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
