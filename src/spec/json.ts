/** Parses JSON text, with errors that tell the position. */

import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { lazy } from "../sys/lazy.ts";
import { withoutMark } from "../sys/utf8.ts";
import type { JsonObject } from "./fits.ts";

const jsonErrorModule = lazy<typeof import("./json-error.ts")>(() => require("./json-error.ts"));

/**
 * Parses JSON. Throws a BrunError with line and column.
 * @param where the file, for errors
 * @param exact integers that a number cannot hold become bigints. This is slower, so it is only
 *   for texts that have some
 */
export function parseJson(text: string, where: string, exact = false): unknown {
  const json = withoutMark(text);
  try {
    // JSON has to be UTF-8 (RFC 8259, 8.1), but JSON.parse does not check that.
    if (!json.isWellFormed()) throw new SyntaxError("not UTF-8");
    return exact ? JSON.parse(json, exactInteger) : JSON.parse(json);
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new BrunError(`${where} is nested too deeply`, { code: "ERR_CONFIG", where, cause });
    const { describeSyntaxError } = jsonErrorModule();
    throw new BrunError(describeSyntaxError(json), { code: "ERR_CONFIG", where, cause });
  }
}

/** A reviver that makes a bigint of an integer beyond ±2^53, from its source text. */
function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}

/** The JSON text of a value, by default indented by tabs. Bigints are written as integers. */
export function toJson(value: unknown, indent = "\t"): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch {
    // The value has a bigint, which JSON.stringify refuses. The replacer is used only then, as it slows everything
    // down. TypeScript's library does not have rawJSON yet (ECMAScript proposal "JSON.parse source text access").
    const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
    return JSON.stringify(value, (_key, x) => (typeof x === "bigint" ? rawJSON(`${x}`) : x), indent);
  }
}

/**
 * The JSON text of a value for other programs. Throws a BrunError if the value has bytes that are not UTF-8, which
 * JSON cannot contain. {@link toJson} writes them in a form that only brun understands.
 */
export function toSharedJson(value: unknown, indent = "\t"): string {
  const text = toJson(value, indent);
  const [path] = text.includes("\\udc") ? textPaths(value, (x) => !x.isWellFormed()) : [];
  if (path === undefined) return text;
  throw new BrunError(`${path} has bytes that are not UTF-8, which JSON cannot hold`, { where: path });
}

/** The config paths of strings and keys for which `holds` is true. */
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

/** A value in an error message: JSON, cut after 60 characters. */
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
