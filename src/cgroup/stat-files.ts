/** Helpers for the statistics files of both v1 and v2. */
import { exists, readdir } from "../sys/fs.ts";
import { integer, readFileOf } from "./access.ts";
import type { Count, MemoryEntry } from "./stats.ts";

/** Parses "key value" lines. */
export function flatKeyed(text: string | null): Record<string, Count> {
  const values: Record<string, Count> = {};
  for (const line of (text ?? "").split("\n")) {
    const [key, value] = line.split(" ");
    if (key && value !== undefined && /^\d+$/.test(value)) values[key] = integer(value);
  }
  return values;
}

/** The same counters by name, in the order in which Go prints a map. */
export function byName(values: Readonly<Record<string, Count>>): Record<string, Count> {
  return Object.fromEntries(Object.entries(values).sort(([a], [z]) => (a < z ? -1 : 1)));
}

/** The number in a file, or undefined without the file. */
export function numberIn(directory: string, file: string): Count | undefined {
  const text = readFileOf(directory, file);
  return text === null || text.trim() === "" ? undefined : integer(text);
}

/** Removes fields that are zero or undefined. The result is undefined if none is left and `always` has only zeros. */
export function withoutZeros<T extends object>(fields: T, always: Partial<T> = {}): T | undefined {
  const kept = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && !isZero(value)),
  );
  const any = Object.keys(kept).length > 0 || Object.values(always).some((value) => !isZero(value));
  if (!any) return undefined;
  // The order of `fields` is kept, which is runc's.
  const all = { ...kept, ...always } as Record<string, unknown>;
  return Object.fromEntries(Object.keys(fields).flatMap((key) => (key in all ? [[key, all[key]]] : []))) as T;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === 0n;
}

/** A memory entry in runc's form, or undefined if every value is zero. */
export function memoryEntry(limit: Count, usage: Count, max: Count, failcnt: Count): MemoryEntry | undefined {
  return withoutZeros<MemoryEntry>({ limit, usage, max, failcnt }, { limit, failcnt });
}

/** The sum, as a number if that is exact, otherwise as a bigint. */
export function sum(a: Count, z: Count): Count {
  const total = BigInt(a) + BigInt(z);
  return total <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(total) : total;
}

/** The product with a small number, as a number if that is exact, otherwise as a bigint. */
export function times(a: Count, factor: number): Count {
  const product = BigInt(a) * BigInt(factor);
  return product <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(product) : product;
}

const HUGEPAGES = "/sys/kernel/mm/hugepages";

/** The sizes of huge pages as in the names of cgroup files: "2MB", "1GB". */
export function hugePageSizes(): string[] {
  if (!exists(HUGEPAGES)) return [];
  return readdir(HUGEPAGES).flatMap((name) => {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
    if (kilobytes === 0) return [];
    if (kilobytes >= 1 << 20) return [`${kilobytes >> 20}GB`];
    return [kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`];
  });
}
