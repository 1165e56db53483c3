/**
 * Converts the cgroup v1 units of the runtime-spec to v2, with the published formulas of crun and runc. The
 * kernel's Documentation/admin-guide/cgroup-v2.rst has the ranges. Pure.
 */
import { BrunError } from "../errors.ts";

type Integer = number | bigint;

/**
 * cpu.shares (2 to 262144, default 1024) → cpu.weight (1 to 10000, default 100). A quadratic function of
 * log2(shares) maps both ends and the default. 0 stays 0, which means unset.
 */
export function sharesToWeight(shares: Integer): number {
  const x = Number(shares);
  if (x === 0) return 0;
  if (x <= 2) return 1;
  if (x >= 262144) return 10000;
  const l = Math.log2(x);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

/** blkio.weight (10 to 1000) → io.weight (1 to 10000), linear. 0 stays 0, which means unset. */
export function blkioToIoWeight(weight: number): number {
  return weight === 0 ? 0 : 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/**
 * Memory and swap together (v1) → swap alone (v2), in bytes. In the arguments 0 and undefined are unset. The
 * result is -1 for unlimited, and undefined if the value is to stay.
 * @throws BrunError the two do not fit together
 */
export function swapAlone(swap: Integer | undefined, limit: Integer | undefined): bigint | undefined {
  const total = BigInt(swap ?? 0);
  const memory = BigInt(limit ?? 0);
  const where = "linux.resources.memory.swap";
  // Unlimited memory with unset swap means both are unlimited, as on v1.
  if (memory === -1n && total === 0n) return -1n;
  if (total === 0n) return undefined;
  if (total === -1n || memory === -1n) return total;
  if (memory === 0n) {
    throw new BrunError("a swap limit needs a memory limit: it is the sum of both", {
      where,
      hint: "set linux.resources.memory.limit too",
    });
  }
  if (memory < 0n) throw new BrunError(`${memory} is no limit`, { where: "linux.resources.memory.limit" });
  if (total < memory) {
    throw new BrunError(`${total} is less than the memory limit ${memory}, which it includes`, { where });
  }
  return total - memory;
}

/** A limit for a v2 file. -1 becomes "max"; undefined and 0 become null. */
export function limitText(value: Integer | undefined): string | null {
  if (value === undefined || Number(value) === 0) return null;
  return Number(value) === -1 ? "max" : String(value);
}

/**
 * Text for pids.limit. A negative value becomes "max". 0 becomes 1, which is the minimum of systemd, and has the
 * same effect in a cgroup with a process.
 */
export function pidsText(limit: Integer): string {
  return limit < 0 ? "max" : Number(limit) === 0 ? "1" : String(limit);
}
