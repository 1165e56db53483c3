/** Statistics of v1 controllers (kernel, Documentation/admin-guide/cgroup-v1). */
import { parseCpuList } from "../spec/cpu-list.ts";
import { integer, readFileOf } from "./access.ts";
import {
  byName,
  flatKeyed,
  hugePageSizes,
  memoryEntry,
  numberIn,
  times,
  withoutZeros,
} from "./stat-files.ts";
import type { BlkioEntry, Count, MemoryEntry, Stats } from "./stats.ts";
import { type CgroupPlan, directoryOf } from "./types.ts";

/** A clock tick of USER_HZ in nanoseconds: 100 ticks are a second on every architecture of brun. */
const TICK = 10_000_000;

/** Reads the statistics; hierarchies that are not mounted are left out. Throws a SysError. */
export function legacyStats(plan: CgroupPlan): Stats {
  const at = (controller: string) => directoryOf(plan, controller);
  return {
    cpu: cpuStats(at("cpu"), at("cpuacct")),
    cpuset: cpusetStats(at("cpuset")),
    memory: memoryStats(at("memory")),
    pids: pidsStats(at("pids")),
    blkio: blkioStats(at("blkio")),
    hugetlb: hugetlbStats(at("hugetlb")),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpuStats(cpu: string | undefined, cpuacct: string | undefined): Stats["cpu"] {
  const stat = cpu === undefined ? {} : flatKeyed(readFileOf(cpu, "cpu.stat"));
  const throttling = withoutZeros({
    periods: stat.nr_periods ?? 0,
    throttledPeriods: stat.nr_throttled ?? 0,
    throttledTime: stat.throttled_time ?? 0,
  });
  const usage = cpuacct === undefined ? undefined : cpuUsage(cpuacct);
  return { usage: usage ?? { kernel: 0, user: 0 }, ...(throttling && { throttling }) };
}

function cpuUsage(directory: string): Stats["cpu"]["usage"] {
  const stat = flatKeyed(readFileOf(directory, "cpuacct.stat"));
  const [kernel, user] = [times(stat.system ?? 0, TICK), times(stat.user ?? 0, TICK)];
  const rows = (readFileOf(directory, "cpuacct.usage_all") ?? "").split("\n").slice(1).filter(Boolean);
  const column = (n: number) => rows.map((row) => integer(row.split(" ")[n] ?? "0"));
  const percpu = (readFileOf(directory, "cpuacct.usage_percpu") ?? "")
    .split(" ")
    .filter((w) => w.trim() !== "");
  return {
    total: numberIn(directory, "cpuacct.usage") ?? 0,
    percpu: percpu.map(integer),
    percpu_kernel: column(2),
    percpu_user: column(1),
    kernel,
    user,
  };
}

const CPUSET_FLAGS = [
  ["cpu_exclusive"],
  ["mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab"],
  ["memory_pressure", "sched_load_balance", "sched_relax_domain_level"],
] as const;

function cpusetStats(directory: string | undefined): Stats["cpuset"] {
  const value = (file: string): Count =>
    directory === undefined ? 0 : (signed(readFileOf(directory, `cpuset.${file}`)) ?? 0);
  const list = (file: string) => {
    const numbers =
      directory === undefined ? null : parseCpuList(readFileOf(directory, `cpuset.${file}`) ?? "");
    return numbers === null ? {} : { [file]: numbers };
  };
  const flags = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, value(name)]));
  const [first, ...rest] = CPUSET_FLAGS;
  return { ...list("cpus"), ...flags(first), ...list("mems"), ...flags(rest.flat()) };
}

/** sched_relax_domain_level may be -1. */
function signed(text: string | null): number | undefined {
  return text === null ? undefined : Number(text.trim());
}

function memoryStats(directory: string | undefined): Stats["memory"] {
  if (directory === undefined) return {};
  const raw = flatKeyed(readFileOf(directory, "memory.stat"));
  const entry = (name: string): MemoryEntry | undefined => {
    const read = (file: string) => numberIn(directory, `${name}.${file}`) ?? 0;
    return memoryEntry(
      read("limit_in_bytes"),
      read("usage_in_bytes"),
      read("max_usage_in_bytes"),
      read("failcnt"),
    );
  };
  const entries = Object.entries({
    usage: "memory",
    swap: "memory.memsw",
    kernel: "memory.kmem",
    kernelTCP: "memory.kmem.tcp",
  });
  return {
    ...(raw.cache ? { cache: raw.cache } : {}),
    ...Object.fromEntries(
      entries.map(([key, name]) => [key, entry(name)]).filter(([, value]) => value !== undefined),
    ),
    raw: byName(raw),
  };
}

function pidsStats(directory: string | undefined): Stats["pids"] {
  if (directory === undefined) return {};
  const limit = readFileOf(directory, "pids.max")?.trim() ?? "max";
  const current = numberIn(directory, "pids.current") ?? 0;
  return withoutZeros({ current, limit: limit === "max" ? 0 : integer(limit) }) ?? {};
}

/** For each I/O scheduler: its files, best first, and the tables that they fill. */
const BLKIO_SOURCES: readonly Readonly<Record<string, string>>[] = [
  {
    "blkio.bfq.io_serviced_recursive": "ioServicedRecursive",
    "blkio.bfq.io_service_bytes_recursive": "ioServiceBytesRecursive",
  },
  {
    "blkio.throttle.io_serviced_recursive": "ioServicedRecursive",
    "blkio.throttle.io_service_bytes_recursive": "ioServiceBytesRecursive",
  },
  {
    "blkio.throttle.io_serviced": "ioServicedRecursive",
    "blkio.throttle.io_service_bytes": "ioServiceBytesRecursive",
  },
];

function blkioStats(directory: string | undefined): Stats["blkio"] {
  if (directory === undefined) return {};
  for (const source of BLKIO_SOURCES) {
    const tables: Record<string, readonly BlkioEntry[]> = {};
    for (const [file, table] of Object.entries(source)) {
      const entries = blkioEntries(readFileOf(directory, file));
      if (entries.length > 0) tables[table] = entries;
    }
    if (Object.keys(tables).length > 0) return tables;
  }
  return {};
}

/** Parses lines such as "8:0 Read 1282048". The total of all devices is left out. */
export function blkioEntries(text: string | null): BlkioEntry[] {
  return (text ?? "").split("\n").flatMap((line) => {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    if (match === null) return [];
    const [, major, minor, op, value] = match as unknown as [string, string, string, string, string];
    return [
      withoutZeros<BlkioEntry>({ major: Number(major), minor: Number(minor), op, value: integer(value) })!,
    ];
  });
}

function hugetlbStats(directory: string | undefined): Stats["hugetlb"] {
  const stats: Record<string, NonNullable<Stats["hugetlb"][string]>> = {};
  if (directory === undefined) return stats;
  for (const size of hugePageSizes()) {
    const reserved = `hugetlb.${size}.rsvd`;
    const prefix =
      numberIn(directory, `${reserved}.usage_in_bytes`) === undefined ? `hugetlb.${size}` : reserved;
    const usage = numberIn(directory, `${prefix}.usage_in_bytes`);
    if (usage === undefined) continue;
    const max = numberIn(directory, `${prefix}.max_usage_in_bytes`) ?? 0;
    const failcnt = numberIn(directory, `${prefix}.failcnt`) ?? 0;
    stats[size] = { ...(usage ? { usage } : {}), ...(max ? { max } : {}), failcnt };
  }
  return stats;
}
