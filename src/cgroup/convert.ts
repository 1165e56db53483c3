/**
 * From cgroup v1 units, in which the runtime-spec speaks, to v2 (crun's and runc's published formulas; ranges in
 * the kernel's Documentation/admin-guide/cgroup-v2.rst). Pure.
 */
import { BrunError } from "../errors.ts";

type Integer = number | bigint;

/**
 * cpu.shares (2 to 262144, default 1024) → cpu.weight (1 to 10000, default 100): the quadratic in log2(shares)
 * that meets both ends and the default. 0 stays 0, unset.
 */
export function sharesToWeight(shares: Integer): number {
  const x = Number(shares);
  if (x === 0) return 0;
  if (x <= 2) return 1;
  if (x >= 262144) return 10000;
  const l = Math.log2(x);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

/** blkio.weight (10 to 1000) → io.weight (1 to 10000), linear. 0 stays 0, unset. */
export function blkioToIoWeight(weight: number): number {
  return weight === 0 ? 0 : 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/**
 * Memory and swap together (v1) → swap alone: -1 unlimited, undefined to leave it as it is. Values are bytes;
 * 0 and undefined are unset.
 * @throws BrunError the two do not fit together
 */
export function swapAlone(swap: Integer | undefined, limit: Integer | undefined): bigint | undefined {
  const total = BigInt(swap ?? 0);
  const memory = BigInt(limit ?? 0);
  const where = "linux.resources.memory.swap";
  // Unlimited memory with swap unset means both, as it does on v1.
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

/** A limit for a v2 file: -1 is "max"; undefined and 0 are unset. */
export function limitText(value: Integer | undefined): string | null {
  if (value === undefined || Number(value) === 0) return null;
  return Number(value) === -1 ? "max" : String(value);
}

/**
 * pids.limit: negative is "max"; 0 becomes 1, the least that systemd takes too, and as good as none for a cgroup
 * that has a process already.
 */
export function pidsText(limit: Integer): string {
  return limit < 0 ? "max" : Number(limit) === 0 ? "1" : String(limit);
}
