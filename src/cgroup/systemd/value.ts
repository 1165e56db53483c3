/** D-Bus values of systemd's unit properties, and a parser of GVariant's text format. */

/** A value with its D-Bus signature (dbus specification, "Type System"). */
export type Value =
  | { readonly type: "b"; readonly value: boolean }
  | { readonly type: "y" | "n" | "q" | "i" | "u" | "x" | "t"; readonly value: bigint }
  | { readonly type: "d"; readonly value: number }
  | { readonly type: "s"; readonly value: string }
  | { readonly type: "as"; readonly value: readonly string[] }
  | { readonly type: "au"; readonly value: readonly number[] }
  | { readonly type: "ay"; readonly value: Uint8Array }
  | { readonly type: "a(ss)"; readonly value: readonly (readonly [string, string])[] };

/** A property of a unit. */
export interface Property {
  readonly name: string;
  readonly value: Value;
}

export const bool = (name: string, value: boolean): Property => ({ name, value: { type: "b", value } });
export const text = (name: string, value: string): Property => ({ name, value: { type: "s", value } });
export const uint64 = (name: string, value: number | bigint): Property => ({
  name,
  value: { type: "t", value: BigInt(value) },
});

/** The value of systemd for "infinity". */
export const INFINITY = 2n ** 64n - 1n;

const NUMBER_TYPES: Readonly<Record<string, "y" | "n" | "q" | "i" | "u" | "x" | "t" | "d">> = {
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
};

/**
 * Parses a value in GVariant's text format, as in annotations org.systemd.property.*: true, 5, uint64 5, 'text',
 * ['a', 'b']. Null if the text is no value, or of a type that no property of a scope has.
 */
export function parseValue(source: string): Value | null {
  const t = source.trim();
  if (t === "true" || t === "false") return { type: "b", value: t === "true" };
  const string = quoted(t);
  if (string !== null) return { type: "s", value: string };
  const list = /^(?:@as\s*)?\[(.*)\]$/s.exec(t);
  if (list !== null) return parseList(list[1]!, t.startsWith("@"));
  const number = /^(?:(byte|u?int(?:16|32|64)|double)\s+)?(-?\d+(?:\.\d+)?)$/.exec(t);
  if (number === null) return null;
  const digits = number[2]!;
  const type = number[1] === undefined ? (digits.includes(".") ? "d" : "i") : NUMBER_TYPES[number[1]]!;
  if (type === "d") return { type, value: Number(digits) };
  return digits.includes(".") ? null : { type, value: BigInt(digits) };
}

/** Parses a quoted string with backslash escapes; null if it is none. */
function quoted(t: string): string | null {
  if (!/^'(?:[^'\\]|\\.)*'$/s.test(t) && !/^"(?:[^"\\]|\\.)*"$/s.test(t)) return null;
  return t.slice(1, -1).replace(/\\(.)/gs, (_all, c: string) => ({ n: "\n", t: "\t" })[c] ?? c);
}

function parseList(items: string, typed: boolean): Value | null {
  const found = items.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,\s'"][^,]*/gs) ?? [];
  if (found.length === 0) return typed ? { type: "as", value: [] } : null;
  const strings = found.map((item) => quoted(item.trim()));
  return strings.includes(null) ? null : { type: "as", value: strings as string[] };
}
