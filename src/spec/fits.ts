/** Helpers for the compiled checks in fits.gen.ts. */

/** A parsed JSON object. */
export type JsonObject = Record<string, unknown>;

export function isObject(x: unknown): x is JsonObject {
  return typeof x === "object" && x !== null && !Array.isArray(x);
}

export function isString(x: unknown): boolean {
  return typeof x === "string";
}

export function isInteger(x: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(x) && (x as number) >= min && (x as number) <= max;
}

export function isInt64(x: unknown): boolean {
  return typeof x === "bigint" ? x === BigInt.asIntN(64, x) : Number.isSafeInteger(x);
}

export function isUint64(x: unknown): boolean {
  if (typeof x === "bigint") return x === BigInt.asUintN(64, x);
  return Number.isSafeInteger(x) && (x as number) >= 0;
}

export function isList(x: unknown, isItem: (x: unknown) => boolean): boolean {
  if (!Array.isArray(x)) return false;
  for (let i = 0; i < x.length; i++) if (!isItem(x[i])) return false;
  return true;
}

export function isStrings(x: unknown): boolean {
  if (!Array.isArray(x)) return false;
  for (let i = 0; i < x.length; i++) if (typeof x[i] !== "string") return false;
  return true;
}

export function isMap(x: unknown, isValue: (x: unknown) => boolean): boolean {
  if (!isObject(x)) return false;
  for (const key in x) if (!isValue(x[key])) return false;
  return true;
}

/** Makes a field undefined if it is null. Returns false if it has another value. */
export function absent(x: JsonObject, field: string): boolean {
  if (x[field] !== null) return false;
  x[field] = undefined;
  return true;
}
