/** Statistics of a cgroup v2 (kernel, Documentation/admin-guide/cgroup-v2.rst). */
import { integer, keyOf, readFileOf } from "./access.ts";
import {
  byName,
  flatKeyed,
  hugePageSizes,
  memoryEntry,
  numberIn,
  sum,
  times,
  withoutZeros,
} from "./stat-files.ts";
import type { BlkioEntry, Count, Pressure, PressureStats, Stats } from "./stats.ts";

const UNLIMITED = 18446744073709551615n;

/** Statistics of processes without a cgroup, in nanoseconds and bytes. */
export interface ProcessSums {
  readonly user: number;
  readonly kernel: number;
  readonly memory: number;
  readonly pids: number;
  readonly read: number;
  readonly written: number;
}

/** The statistics of processes that have no cgroup of their own, in the form of a cgroup's. */
export function processStats({ user, kernel, memory, pids, read, written }: ProcessSums): Stats {
  const entry = (op: string, value: number): BlkioEntry => ({ op, ...(value > 0 && { value }) });
  return {
    cpu: { usage: { total: user + kernel, kernel, user } },
    cpuset: NO_CPUSET,
    memory: { usage: { limit: UNLIMITED, usage: memory, failcnt: 0 } },
    pids: { current: pids },
    blkio: { ioServiceBytesRecursive: [entry("Read", read), entry("Write", written)] },
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** Reads the statistics; those of disabled controllers are left out. Throws a SysError. */
export function unifiedStats(directory: string): Stats {
  return {
    cpu: cpuStats(directory),
    cpuset: NO_CPUSET,
    memory: memoryStats(directory),
    pids: pidsStats(directory),
    blkio: ioStats(directory),
    hugetlb: hugetlbStats(directory),
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** v2 has no such statistics, and runc prints zeros. */
const NO_CPUSET = Object.fromEntries(
  [
    ...["cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page"],
    ...["memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"],
  ].map((key) => [key, 0]),
);

function cpuStats(directory: string): Stats["cpu"] {
  const stat = flatKeyed(readFileOf(directory, "cpu.stat"));
  const nanoseconds = (key: string) => times(stat[key] ?? 0, 1000);
  const [kernel, user] = [nanoseconds("system_usec"), nanoseconds("user_usec")];
  const usage = withoutZeros<NonNullable<Stats["cpu"]["usage"]>>(
    { total: nanoseconds("usage_usec"), kernel, user },
    { kernel, user },
  );
  const throttling = withoutZeros({
    periods: stat.nr_periods ?? 0,
    throttledPeriods: stat.nr_throttled ?? 0,
    throttledTime: nanoseconds("throttled_usec"),
  });
  const psi = pressure(readFileOf(directory, "cpu.pressure"));
  return {
    usage: usage ?? { kernel: 0, user: 0 },
    ...(throttling && { throttling }),
    ...(psi && { psi }),
  };
}

function memoryStats(directory: string): Stats["memory"] {
  const current = numberIn(directory, "memory.current");
  const psi = pressure(readFileOf(directory, "memory.pressure"));
  if (current === undefined) return psi ? { psi } : {};
  const raw = flatKeyed(readFileOf(directory, "memory.stat"));
  const limit = numberIn(directory, "memory.max") ?? 0;
  const usage = memoryEntry(limit, current, numberIn(directory, "memory.peak") ?? 0, 0);
  // As on v1, swap is shown together with memory.
  const swapLimit = numberIn(directory, "memory.swap.max") ?? 0;
  const total = swapLimit === UNLIMITED ? swapLimit : limit === UNLIMITED ? limit : sum(swapLimit, limit);
  const swap = memoryEntry(total, sum(numberIn(directory, "memory.swap.current") ?? 0, current), 0, 0);
  return {
    ...(raw.file ? { cache: raw.file } : {}),
    ...(usage && { usage }),
    ...(swap && { swap }),
    raw: byName(raw),
    ...(psi && { psi }),
  };
}

function pidsStats(directory: string): Stats["pids"] {
  const current = numberIn(directory, "pids.current") ?? countOf(readFileOf(directory, "cgroup.procs"));
  const limit = readFileOf(directory, "pids.max")?.trim() ?? "max";
  return withoutZeros({ current, limit: limit === "max" ? 0 : integer(limit) }) ?? {};
}

function countOf(procs: string | null): number {
  return (procs ?? "").split("\n").filter(Boolean).length;
}

/** v1's tables for the keys of io.stat: [table, operation]. */
const IO_TABLES: Readonly<Record<string, readonly [string, string]>> = {
  rbytes: ["ioServiceBytesRecursive", "Read"],
  wbytes: ["ioServiceBytesRecursive", "Write"],
  rios: ["ioServicedRecursive", "Read"],
  wios: ["ioServicedRecursive", "Write"],
};

function ioStats(directory: string): Stats["blkio"] {
  const tables: Record<string, BlkioEntry[]> = {};
  for (const line of (readFileOf(directory, "io.stat") ?? "").split("\n")) {
    const [device, ...items] = line.split(" ");
    const numbers = /^(\d+):(\d+)$/.exec(device ?? "");
    if (numbers === null) continue;
    for (const item of items) {
      const [key, value] = item.split("=");
      const [table, op] = IO_TABLES[key ?? ""] ?? [];
      if (table === undefined || op === undefined || value === undefined) continue;
      const entry: BlkioEntry = {
        major: Number(numbers[1]),
        minor: Number(numbers[2]),
        op,
        value: integer(value),
      };
      tables[table] ??= [];
      tables[table].push(withoutZeros(entry)!);
    }
  }
  const psi = pressure(readFileOf(directory, "io.pressure"));
  return { ...tables, ...(psi && { psi }) };
}

function hugetlbStats(directory: string): Stats["hugetlb"] {
  const stats: Record<string, { usage?: Count; failcnt: Count }> = {};
  for (const size of hugePageSizes()) {
    const usage =
      numberIn(directory, `hugetlb.${size}.rsvd.current`) ?? numberIn(directory, `hugetlb.${size}.current`);
    if (usage === undefined) continue;
    const failcnt = integer(keyOf(directory, `hugetlb.${size}.events`, "max") ?? "0");
    stats[size] = usage === 0 ? { failcnt } : { usage, failcnt };
  }
  return stats;
}

/** Parses a pressure file; undefined if the kernel has none. */
export function pressure(text: string | null): PressureStats | undefined {
  if (text === null) return undefined;
  const stats: { some?: Pressure; full?: Pressure } = {};
  for (const line of text.split("\n")) {
    const [kind, ...items] = line.split(" ");
    if (kind !== "some" && kind !== "full") continue;
    const values = Object.fromEntries(items.map((item) => item.split("=") as [string, string]));
    const { avg10 = 0, avg60 = 0, avg300 = 0, total = "0" } = values;
    const data = {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: integer(total),
    };
    if (data.avg10 || data.avg60 || data.avg300 || data.total) stats[kind] = data;
  }
  return stats;
}
