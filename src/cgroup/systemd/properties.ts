/**
 * `linux.resources` as properties of a unit (systemd.resource-control(5)), as far as systemd knows them. systemd
 * may write its values to the cgroup again at any time, so it has to have the same ones. Pure.
 */
import { parseCpuList, type Resources } from "../../spec/index.ts";
import { blkioToIoWeight, sharesToWeight, swapAlone } from "../convert.ts";
import { ALL_ACCESS, ANY_NUMBER, type DeviceFilter, ruleText } from "../devices.ts";
import { INFINITY, type Property, text, uint64 } from "./value.ts";

const SECOND_US = 1_000_000;
const DEFAULT_PERIOD_US = 100_000;

/** systemd keeps a quota as whole percents of a CPU. */
const PERCENT_US = 10_000;

/** The version of systemd that brought each property. */
const SINCE = { AllowedCPUs: 244, CPUQuotaPeriodUSec: 242, IdleWeight: 252 } as const;

/** Rounds quotas up to whole percents, which is what systemd can keep, so that the file gets the same value. */
export function roundedQuota(resources: Resources): Resources {
  const { cpu } = resources;
  if (!cpu?.quota || cpu.quota < 0) return resources;
  const period = Number(cpu.period || DEFAULT_PERIOD_US);
  const perSecond = Math.ceil((Number(cpu.quota) * SECOND_US) / period / PERCENT_US) * PERCENT_US;
  return { ...resources, cpu: { ...cpu, quota: Math.floor((perSecond * period) / SECOND_US) } };
}

/** The properties for limits. Quotas are rounded as by {@link roundedQuota}. Throws a BrunError. */
export function resourceProperties(resources: Resources, version: number): Property[] {
  const { memory, cpu, pids, blockIO } = resources;
  const properties: Property[] = [];
  const limit = (name: string, value: number | bigint | undefined) => {
    if (value) properties.push(uint64(name, Number(value) === -1 ? INFINITY : value));
  };
  limit("MemoryMax", memory?.limit);
  limit("MemoryLow", memory?.reservation);
  const swap = swapAlone(memory?.swap, memory?.limit);
  if (swap !== undefined) properties.push(uint64("MemorySwapMax", swap === -1n ? INFINITY : swap));
  const idle = Number(cpu?.idle ?? 0) === 1 && version >= SINCE.IdleWeight;
  if (idle) properties.push(uint64("CPUWeight", 0));
  else if (cpu?.shares) properties.push(uint64("CPUWeight", sharesToWeight(cpu.shares)));
  properties.push(...quotaProperties(Number(cpu?.quota ?? 0), Number(cpu?.period ?? 0), version));
  if (pids?.limit !== undefined) {
    properties.push(uint64("TasksMax", pids.limit < 0 ? INFINITY : pids.limit || 1));
  }
  if (version >= SINCE.AllowedCPUs) {
    if (cpu?.cpus) properties.push(bits("AllowedCPUs", cpu.cpus));
    if (cpu?.mems) properties.push(bits("AllowedMemoryNodes", cpu.mems));
  }
  if (blockIO?.weight) properties.push(uint64("IOWeight", blkioToIoWeight(blockIO.weight)));
  properties.push(...unifiedProperties(resources.unified ?? {}, version));
  return properties;
}

function quotaProperties(quota: number, period: number, version: number): Property[] {
  if (quota === 0 && period === 0) return [];
  const properties: Property[] = [];
  if (period !== 0 && version >= SINCE.CPUQuotaPeriodUSec)
    properties.push(uint64("CPUQuotaPeriodUSec", period));
  const perSecond = Math.ceil((quota * SECOND_US) / (period || DEFAULT_PERIOD_US) / PERCENT_US) * PERCENT_US;
  properties.push(uint64("CPUQuotaPerSecUSec", quota > 0 ? perSecond : INFINITY));
  return properties;
}

/** A set of CPUs or nodes in systemd's format: number 0 is the lowest bit of the first byte. */
function bits(name: string, list: string): Property {
  const numbers = parseCpuList(list) ?? [];
  const value = new Uint8Array(Math.floor(Math.max(0, ...numbers) / 8) + 1);
  for (const n of numbers) value[n >> 3]! |= 1 << (n & 7);
  return { name, value: { type: "ay", value } };
}

const UNIFIED_LIMITS: Readonly<Record<string, string>> = {
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.min": "MemoryMin",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
  "cpu.weight": "CPUWeight",
};

/** Properties for the files of `unified` that systemd knows. The other files are only written. */
function unifiedProperties(unified: Readonly<Record<string, string>>, version: number): Property[] {
  return Object.entries(unified).flatMap(([file, value]) => {
    const word = value.trim();
    const name = UNIFIED_LIMITS[file];
    if (name !== undefined && /^(\d+|max)$/.test(word)) {
      return [uint64(name, word === "max" ? INFINITY : BigInt(word))];
    }
    if (version >= SINCE.AllowedCPUs && parseCpuList(word) !== null) {
      if (file === "cpuset.cpus") return [bits("AllowedCPUs", word)];
      if (file === "cpuset.mems") return [bits("AllowedMemoryNodes", word)];
    }
    const quota = file === "cpu.max" ? /^(\d+|max)(?: (\d+))?$/.exec(word) : null;
    if (quota === null) return [];
    return quotaProperties(Number(quota[1]) || -1, Number(quota[2] ?? DEFAULT_PERIOD_US), version);
  });
}

/**
 * Device rules for the system manager. It cannot express deny lists and "*:minor": brun's own program enforces
 * those.
 */
export function deviceProperties(filter: DeviceFilter): Property[] {
  const none: Property = { name: "DeviceAllow", value: { type: "a(ss)", value: [] } };
  if (filter.defaultAllow && filter.exceptions.length === 0) return [none, text("DevicePolicy", "auto")];
  const allowed: [string, string][] = [];
  for (const device of filter.defaultAllow ? [] : filter.exceptions) {
    const { type, major, minor } = device;
    const kind = type === "c" ? "char" : "block";
    if (major === ANY_NUMBER && minor !== ANY_NUMBER) continue;
    const path =
      major === ANY_NUMBER
        ? `${kind}-*`
        : minor === ANY_NUMBER
          ? `${kind}-${major}`
          : `/dev/${kind}/${major}:${minor}`;
    allowed.push([path, ruleText({ ...device, access: device.access & ALL_ACCESS }).split(" ")[2]!]);
  }
  // The empty list resets DeviceAllow, to which an update would only add.
  return [
    none,
    text("DevicePolicy", "strict"),
    { name: "DeviceAllow", value: { type: "a(ss)", value: allowed } },
  ];
}
