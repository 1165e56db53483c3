/** Extended headers: records "LENGTH KEY=VALUE\n" in bytes (pax, POSIX.1-2024, with the keys of star and GNU). */
import { fromUtf8, joined } from "../../sys/utf8.ts";
import { TarError } from "./header.ts";

/** Records by key. A value is bytes. An empty value cancels a record of a global header. */
export type PaxRecords = Map<string, Uint8Array>;

/** Parses the data of an extended header. Throws a TarError. */
export function readPax(data: Uint8Array): PaxRecords {
  const records: PaxRecords = new Map();
  const repeated = new Map<string, Uint8Array[]>();
  for (let at = 0; at < data.length; ) {
    let length = 0;
    let digits = at;
    for (; data[digits] !== undefined && data[digits]! >= 0x30 && data[digits]! <= 0x39; digits++) {
      length = length * 10 + data[digits]! - 0x30;
      if (length > data.length) break;
    }
    const end = at + length;
    // Some writers fill the last block with zeros, and include them in the size.
    if (data[at] === 0) break;
    if (
      digits === at ||
      data[digits] !== 0x20 ||
      end > data.length ||
      end <= digits + 1 ||
      data[end - 1] !== 0x0a
    ) {
      throw new TarError("a record of an extended header is damaged");
    }
    const record = data.subarray(digits + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals <= 0) throw new TarError("a record of an extended header has no key");
    const key = fromUtf8(record.subarray(0, equals));
    const value = record.slice(equals + 1);
    // Sparse maps of format 0.0 repeat their keys. The values are joined in order.
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      const values = repeated.get(key);
      if (values === undefined) repeated.set(key, [value]);
      else values.push(COMMA, value);
    } else records.set(key, value);
    at = end;
  }
  for (const [key, values] of repeated) records.set(key, joined(values));
  return records;
}

const COMMA = new Uint8Array([0x2c]);

/** A record as text; undefined if it is missing or empty. Throws a TarError. */
export function paxText(records: PaxRecords, key: string): string | undefined {
  const value = records.get(key);
  if (value === undefined || value.length === 0) return undefined;
  // A name cannot have a NUL: the rest would be lost without an error (as in CVE-2021-4024).
  if (value.includes(0)) throw new TarError(`${key} has a NUL`);
  return fromUtf8(value);
}

/** A record as a whole number; undefined if it is missing or empty. Throws a TarError. */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const text = paxText(records, key);
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError(`${key} is no number`);
  return value;
}

/**
 * A record such as "1350244992.023960108" as a time in nanoseconds. As in GNU tar, a record that is no time
 * counts as missing: Python writes "1e-09".
 */
export function paxTime(records: PaxRecords, key: string): bigint | undefined {
  const text = paxText(records, key);
  if (text === undefined) return undefined;
  const parts = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (parts === null) return undefined;
  const ns = BigInt(parts[2]!) * 1_000_000_000n + BigInt((parts[3] ?? "").slice(0, 9).padEnd(9, "0"));
  return parts[1] === "-" ? -ns : ns;
}
