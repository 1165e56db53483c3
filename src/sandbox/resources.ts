/** --memory, --memory-swap, --cpus, --cpuset-cpus and --pids-limit. */
import { BrunError } from "../errors.ts";
import type { Resources } from "../spec/index.ts";
import type { SandboxOptions } from "./options.ts";

/** The period of the CPU quota in µs, as in podman and docker. */
const PERIOD = 100_000;

/** The minimum of a quota in the kernel, in µs. */
const LEAST_QUOTA = 1000;

/** linux.resources; undefined without any limit. Throws a BrunError. */
export function sandboxResources(options: SandboxOptions): Resources | undefined {
  const { memory, cpus, cpusetCpus, pidsLimit } = options;
  const resources: Resources = {};
  const limit = memory === undefined ? undefined : bytes(memory, "--memory");
  if (limit !== undefined) resources.memory = { limit };
  if (options.memorySwap !== undefined) resources.memory = withSwap(limit, options.memorySwap);
  if (cpus !== undefined) {
    const quota = Math.round(Number(cpus) * PERIOD);
    if (!/^\d*\.?\d+$/.test(cpus) || quota < LEAST_QUOTA) {
      throw new BrunError(`"${cpus}" is no number of CPUs`, {
        where: "--cpus",
        hint: "such as 2 or 0.5; 0.01 at least",
      });
    }
    resources.cpu = { quota, period: PERIOD };
  }
  if (cpusetCpus !== undefined) {
    if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(cpusetCpus)) {
      throw new BrunError(`"${cpusetCpus}" is no list of CPUs`, {
        where: "--cpuset-cpus",
        hint: "such as 0-2,5",
      });
    }
    resources.cpu = { ...resources.cpu, cpus: cpusetCpus };
  }
  if (pidsLimit !== undefined) {
    if (!/^(-1|\d{1,15})$/.test(pidsLimit)) {
      throw new BrunError(`"${pidsLimit}" is no number`, {
        where: "--pids-limit",
        hint: "-1 is without a limit",
      });
    }
    // As in podman, both 0 and -1 mean no limit.
    resources.pids = { limit: Number(pidsLimit) || -1 };
  }
  return Object.keys(resources).length === 0 ? undefined : resources;
}

/** As in podman, --memory-swap is memory and swap together, and -1 allows all available swap. */
function withSwap(limit: number | undefined, text: string): NonNullable<Resources["memory"]> {
  const where = "--memory-swap";
  if (limit === undefined) {
    throw new BrunError("--memory-swap limits memory and swap together", {
      where,
      hint: "--memory SIZE goes with it",
    });
  }
  const swap = text === "-1" ? -1 : bytes(text, where);
  if (swap >= 0 && swap < limit) {
    throw new BrunError(`--memory-swap ${text} is less than --memory`, {
      where,
      hint: "it counts memory and swap together",
    });
  }
  return { limit, swap };
}

const UNITS = "bkmgtp";

/**
 * Parses a size such as "512m" or "1.5g" into bytes, with powers of 1024 (podman-run(1)). Throws a BrunError
 * that names the flag.
 */
export function bytes(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)([bkmgtp]?)(?:i?b)?$/i.exec(text);
  const power = UNITS.indexOf(match?.[2]?.toLowerCase() || "b");
  const value = Math.trunc(Number(match?.[1]) * 1024 ** power);
  if (match !== null && Number.isSafeInteger(value) && value > 0) return value;
  throw new BrunError(`"${text}" is no size`, { where: flag, hint: "bytes, or such as 512m and 2g" });
}
