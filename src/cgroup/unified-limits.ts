/** `linux.resources` as values for the files of a cgroup v2. Pure. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import type { BlockIO, CPU, Memory, Resources } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { blkioToIoWeight, limitText, pidsText, sharesToWeight, swapAlone } from "./convert.ts";
import type { Write } from "./types.ts";

const RESOURCES = "linux.resources";

/** The kernel's default period, in microseconds. */
const DEFAULT_PERIOD = 100000;

/** The writes for limits, in the order in which they have to be tried. */
export function unifiedWrites(resources: Resources, hasBfq: boolean): Write[] {
  const { memory, cpu, pids, blockIO } = resources;
  return [
    ...pidsWrites(pids?.limit),
    ...memoryWrites(memory ?? {}),
    ...ioWrites(blockIO ?? {}, hasBfq),
    ...cpuWrites(cpu ?? {}),
    ...cpusetWrites(cpu ?? {}),
    ...hugetlbWrites(resources, "max"),
    ...rdmaWrites(resources),
    ...unifiedMap(resources.unified ?? {}),
  ];
}

/** Config paths of limits without an equivalent in v2. They are ignored with a warning. */
export function withoutEquivalent(resources: Resources): string[] {
  const { memory, cpu, blockIO, network } = resources;
  const given: Record<string, unknown> = {
    "memory.swappiness": memory?.swappiness,
    "memory.disableOOMKiller": memory?.disableOOMKiller || undefined,
    "cpu.realtimeRuntime": cpu?.realtimeRuntime || undefined,
    "cpu.realtimePeriod": cpu?.realtimePeriod || undefined,
    "blockIO.leafWeight": blockIO?.leafWeight || undefined,
    "network.classID": network?.classID || undefined,
    "network.priorities": network?.priorities?.length || undefined,
  };
  return Object.keys(given)
    .filter((key) => given[key] !== undefined)
    .map((key) => `${RESOURCES}.${key}`);
}

function pidsWrites(limit: number | bigint | undefined): Write[] {
  if (limit === undefined) return [];
  return [{ controller: "pids", file: "pids.max", value: pidsText(limit), where: `${RESOURCES}.pids.limit` }];
}

function memoryWrites(memory: Memory): Write[] {
  const where = `${RESOURCES}.memory`;
  const writes: Write[] = [];
  const swap = swapAlone(memory.swap, memory.limit);
  if (swap !== undefined) {
    const value = swap === -1n ? "max" : `${swap}`;
    // Without swap accounting there is no swap limit.
    const ignore = value === "max" || value === "0" ? [E.ENOENT] : undefined;
    writes.push({ controller: "memory", file: "memory.swap.max", value, where: `${where}.swap`, ignore });
  }
  for (const [key, file] of [
    ["limit", "memory.max"],
    ["reservation", "memory.low"],
  ] as const) {
    const value = limitText(memory[key]);
    if (value !== null) writes.push({ controller: "memory", file, value, where: `${where}.${key}` });
  }
  return writes;
}

function cpuWrites(cpu: CPU): Write[] {
  const where = `${RESOURCES}.cpu`;
  const writes: Write[] = [];
  const add = (key: string, file: string, value: string, again = false) =>
    writes.push({ controller: "cpu", file, value, where: `${where}.${key}`, again });
  if (cpu.idle !== undefined) add("idle", "cpu.idle", `${cpu.idle}`);
  if (cpu.shares) add("shares", "cpu.weight", `${sharesToWeight(cpu.shares)}`);
  // The kernel refuses a burst above the quota, so a larger burst has to follow a larger quota.
  if (cpu.burst !== undefined) add("burst", "cpu.max.burst", `${cpu.burst}`, true);
  if (cpu.quota || cpu.period) {
    const quota = cpu.quota !== undefined && cpu.quota > 0 ? cpu.quota : "max";
    add(cpu.quota ? "quota" : "period", "cpu.max", `${quota} ${cpu.period || DEFAULT_PERIOD}`);
  }
  return writes;
}

/** The writes for `cpus` and `mems`, whose files are the same on v1 and v2. */
export function cpusetWrites(cpu: CPU): Write[] {
  return (["cpus", "mems"] as const)
    .filter((key) => cpu[key])
    .map((key) => ({
      controller: "cpuset",
      file: `cpuset.${key}`,
      value: cpu[key]!,
      where: `${RESOURCES}.cpu.${key}`,
    }));
}

function ioWrites(io: BlockIO, hasBfq: boolean): Write[] {
  const where = `${RESOURCES}.blockIO`;
  const writes: Write[] = [];
  const add = (key: string, file: string, value: string) =>
    writes.push({ controller: "io", file, value, where: `${where}.${key}` });
  if (io.weight) {
    if (hasBfq) add("weight", "io.bfq.weight", `${io.weight}`);
    else add("weight", "io.weight", `${blkioToIoWeight(io.weight)}`);
  }
  (io.weightDevice ?? []).forEach(({ major, minor, weight }, i) => {
    if (weight === undefined) return;
    const value = hasBfq ? weight : blkioToIoWeight(weight);
    add(`weightDevice[${i}]`, hasBfq ? "io.bfq.weight" : "io.weight", `${major}:${minor} ${value}`);
  });
  for (const [list, key] of [
    ["throttleReadBpsDevice", "rbps"],
    ["throttleWriteBpsDevice", "wbps"],
    ["throttleReadIOPSDevice", "riops"],
    ["throttleWriteIOPSDevice", "wiops"],
  ] as const) {
    (io[list] ?? []).forEach(({ major, minor, rate }, i) => {
      // A rate of 0 removes the limit, as on v1.
      add(`${list}[${i}]`, "io.max", `${major}:${minor} ${key}=${Number(rate) === 0 ? "max" : rate}`);
    });
  }
  return writes;
}

/** Limits of used huge pages, and of reserved ones where the kernel counts them (Linux 5.7). */
export function hugetlbWrites(resources: Resources, suffix: "max" | "limit_in_bytes"): Write[] {
  return (resources.hugepageLimits ?? []).flatMap(({ pageSize, limit }, i) => {
    const common = { controller: "hugetlb", value: `${limit}`, where: `${RESOURCES}.hugepageLimits[${i}]` };
    return [
      { ...common, file: `hugetlb.${pageSize}.${suffix}` },
      { ...common, file: `hugetlb.${pageSize}.rsvd.${suffix}`, ignore: [E.ENOENT] },
    ];
  });
}

/** The writes for `rdma`, whose file is the same on v1 and v2. */
export function rdmaWrites(resources: Resources): Write[] {
  return Object.entries(resources.rdma ?? {}).map(([device, { hcaHandles, hcaObjects }]) => {
    const handles = hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`;
    const objects = hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`;
    return {
      controller: "rdma",
      file: "rdma.max",
      value: `${device}${handles}${objects}`,
      where: `${RESOURCES}.rdma.${device}`,
    };
  });
}

function unifiedMap(unified: Readonly<Record<string, string>>): Write[] {
  return Object.entries(unified).flatMap(([file, text]) => {
    const where = `${RESOURCES}.unified[${quoted(file)}]`;
    if (!/^[^/\s.]+\.[^/\s]+$/.test(file))
      throw new BrunError(`${where} is not a file of a cgroup`, { where });
    const controller = file.slice(0, file.indexOf("."));
    // A file that takes one device a line gets one write for each line.
    return text
      .split("\n")
      .filter((line, _i, lines) => line !== "" || lines.length === 1)
      .map((value) => ({ controller, file, value, where }));
  });
}
