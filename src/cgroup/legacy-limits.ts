/** `linux.resources` as values for the files of v1 controllers (kernel, Documentation/admin-guide/cgroup-v1). Pure. */
import { BrunError } from "../errors.ts";
import type { BlockIO, CPU, Memory, Resources } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { pidsText } from "./convert.ts";
import type { Write } from "./types.ts";
import { cpusetWrites, hugetlbWrites, rdmaWrites } from "./unified-limits.ts";

const RESOURCES = "linux.resources";

/** The kernel's bounds of cpu.shares. It would silently clamp other values. */
const MIN_SHARES = 2;
const MAX_SHARES = 262144;

/** The writes for limits, in the order in which they have to be tried. */
export function legacyWrites(resources: Resources, hasBfqOnly: boolean): Write[] {
  const { memory, cpu, pids, blockIO } = resources;
  return [
    ...cpusetWrites(cpu ?? {}),
    ...memoryWrites(memory ?? {}),
    ...cpuWrites(cpu ?? {}),
    ...pidsWrites(pids?.limit),
    ...blkioWrites(blockIO ?? {}, hasBfqOnly),
    ...hugetlbWrites(resources, "limit_in_bytes"),
    ...networkWrites(resources),
    ...rdmaWrites(resources),
  ];
}

function memoryWrites(memory: Memory): Write[] {
  const where = `${RESOURCES}.memory`;
  const writes: Write[] = [];
  const add = (key: string, file: string, value: unknown, more: Partial<Write> = {}) =>
    writes.push({ controller: "memory", file, value: `${value}`, where: `${where}.${key}`, ...more });
  // Unlimited memory with unset swap means both are unlimited.
  const unlimited = Number(memory.limit ?? 0) === -1 && !memory.swap;
  const swap = unlimited ? -1 : memory.swap;
  // The memory limit must not exceed the one with swap, so the second write may have to come first.
  if (memory.limit) add("limit", "memory.limit_in_bytes", memory.limit, { again: true });
  if (swap) {
    add("swap", "memory.memsw.limit_in_bytes", swap, {
      again: true,
      ignore: unlimited ? [E.ENOENT] : undefined,
    });
  }
  if (memory.reservation) add("reservation", "memory.soft_limit_in_bytes", memory.reservation);
  if (memory.disableOOMKiller) add("disableOOMKiller", "memory.oom_control", 1);
  if (memory.swappiness !== undefined) {
    if (memory.swappiness > 100) {
      throw new BrunError(`${where}.swappiness: expected 0 to 100 but found ${memory.swappiness}`, {
        where: `${where}.swappiness`,
      });
    }
    add("swappiness", "memory.swappiness", memory.swappiness);
  }
  return writes;
}

function cpuWrites(cpu: CPU): Write[] {
  const where = `${RESOURCES}.cpu`;
  const writes: Write[] = [];
  const add = (key: keyof CPU, file: string, more: Partial<Write> = {}) =>
    writes.push({ controller: "cpu", file, value: `${cpu[key]}`, where: `${where}.${key}`, ...more });
  if (cpu.shares) {
    if (cpu.shares < MIN_SHARES || cpu.shares > MAX_SHARES) {
      throw new BrunError(
        `${where}.shares: expected ${MIN_SHARES} to ${MAX_SHARES} but found ${cpu.shares}`,
        {
          where: `${where}.shares`,
        },
      );
    }
    add("shares", "cpu.shares");
  }
  // Period and burst have to fit the quota, both the old and the new one.
  if (cpu.period) add("period", "cpu.cfs_period_us", { again: true });
  if (cpu.burst !== undefined) add("burst", "cpu.cfs_burst_us", { again: true, ignore: [E.ENOENT] });
  if (cpu.quota) add("quota", "cpu.cfs_quota_us");
  if (cpu.idle !== undefined) add("idle", "cpu.idle");
  if (cpu.realtimePeriod) add("realtimePeriod", "cpu.rt_period_us", { again: true });
  if (cpu.realtimeRuntime) add("realtimeRuntime", "cpu.rt_runtime_us");
  return writes;
}

function pidsWrites(limit: number | bigint | undefined): Write[] {
  if (limit === undefined) return [];
  return [{ controller: "pids", file: "pids.max", value: pidsText(limit), where: `${RESOURCES}.pids.limit` }];
}

function blkioWrites(io: BlockIO, hasBfqOnly: boolean): Write[] {
  const where = `${RESOURCES}.blockIO`;
  const writes: Write[] = [];
  const add = (key: string, file: string, value: string) =>
    writes.push({ controller: "blkio", file, value, where: `${where}.${key}` });
  const prefix = hasBfqOnly ? "blkio.bfq" : "blkio";
  if (io.weight) add("weight", `${prefix}.weight`, `${io.weight}`);
  if (io.leafWeight) add("leafWeight", "blkio.leaf_weight", `${io.leafWeight}`);
  (io.weightDevice ?? []).forEach(({ major, minor, weight, leafWeight }, i) => {
    const key = `weightDevice[${i}]`;
    if (weight) add(key, `${prefix}.weight_device`, `${major}:${minor} ${weight}`);
    if (leafWeight) add(key, "blkio.leaf_weight_device", `${major}:${minor} ${leafWeight}`);
  });
  for (const [list, file] of [
    ["throttleReadBpsDevice", "read_bps"],
    ["throttleWriteBpsDevice", "write_bps"],
    ["throttleReadIOPSDevice", "read_iops"],
    ["throttleWriteIOPSDevice", "write_iops"],
  ] as const) {
    (io[list] ?? []).forEach(({ major, minor, rate }, i) => {
      add(`${list}[${i}]`, `blkio.throttle.${file}_device`, `${major}:${minor} ${rate}`);
    });
  }
  return writes;
}

function networkWrites({ network }: Resources): Write[] {
  const where = `${RESOURCES}.network`;
  const writes: Write[] = [];
  if (network?.classID) {
    const value = `${network.classID}`;
    writes.push({ controller: "net_cls", file: "net_cls.classid", value, where: `${where}.classID` });
  }
  (network?.priorities ?? []).forEach(({ name, priority }, i) => {
    const value = `${name} ${priority}`;
    writes.push({
      controller: "net_prio",
      file: "net_prio.ifpriomap",
      value,
      where: `${where}.priorities[${i}]`,
    });
  });
  return writes;
}
