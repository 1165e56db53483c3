/**
 * The building blocks for the sections of config.json, which are shared valibot schemas. Their messages say what
 * is expected, as in "process.user.uid: expected an integer from 0 to 4294967294 but found -1".
 */
import * as v from "valibot";

/** An integer of up to 64 bits. It is a bigint if a number cannot hold it exactly (beyond ±2^53). */
export type Integer64 = number | bigint;

export const string = v.string("a string");
export const boolean = v.boolean("true or false");

/** The schema of an object that refuses lists. valibot's own takes them for objects. */
function refuseLists<Schema extends v.GenericSchema>(schema: Schema): Schema {
  return {
    ...schema,
    "~run": (dataset, config) =>
      schema["~run"](Array.isArray(dataset.value) ? { value: undefined } : dataset, config),
  };
}

/** An object with these fields. Unknown fields are tolerated, as by runc. */
export function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return refuseLists(v.object(entries, "an object"));
}

/** An object with any keys and values of one type. */
export function map<Value extends v.GenericSchema>(value: Value) {
  return refuseLists(v.record(string, value, "an object"));
}

/** A list with members of one type. */
export function list<Item extends v.GenericSchema>(item: Item) {
  return v.array(item, "a list");
}

/** One of some strings. */
export function oneOf<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, `one of ${options.join(", ")}`);
}

/** One of some strings, or "", which Go's encoder writes for an unset field. */
export function oneOfOrEmpty<const Options extends readonly string[]>(options: Options) {
  return v.picklist(["", ...options], `one of ${options.join(", ")}`);
}

/** An integer of at most 53 bits between two bounds. */
export function integer(min: number, max: number) {
  const expected = `an integer from ${min} to ${max}`;
  return v.pipe(
    v.number(expected),
    v.safeInteger(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
}

/** An integer of up to 64 bits: a number if that is exact, otherwise a bigint between two bounds. */
function integer64(min: number, low: bigint, high: bigint, expected: string) {
  return v.union(
    [
      v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(min, expected)),
      v.pipe(v.bigint(expected), v.minValue(low, expected), v.maxValue(high, expected)),
    ],
    expected,
  );
}

export const uint16 = integer(0, 65535);
export const uint32 = integer(0, 4294967295);

/** A user or group id. 2^32-1 means "leave as it is" to system calls (setresuid(2)). */
export const id = integer(0, 4294967294);

export const int64 = integer64(
  Number.MIN_SAFE_INTEGER,
  -(2n ** 63n),
  2n ** 63n - 1n,
  "an integer from -2^63 to 2^63-1",
);
export const uint64 = integer64(0, 0n, 2n ** 64n - 1n, "an integer from 0 to 2^64-1");

/** A field that may be absent. JSON null counts as absent, since Go's encoder writes it for an empty list or map. */
export const optional = v.optional;

export const optionalString = optional(string);
export const optionalBoolean = optional(boolean);
export const optionalStrings = optional(list(string));
export const optionalStringMap = optional(map(string));
export const optionalUint16 = optional(uint16);
export const optionalUint32 = optional(uint32);
export const optionalInt64 = optional(int64);
export const optionalUint64 = optional(uint64);
