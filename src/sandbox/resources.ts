/** --memory, --cpus and --pids-limit. */
import { BrunError } from "../errors.ts";
import type { Resources } from "../spec/index.ts";
import type { SandboxOptions } from "./options.ts";

/** Period of the CPU quota in µs, as podman and docker have it. */
const PERIOD = 100_000;

/** The least that the kernel takes for a quota, in µs. */
const LEAST_QUOTA = 1000;

/** linux.resources, or undefined when no limit is asked for. Throws a BrunError. */
export function sandboxResources({ memory, cpus, pidsLimit }: SandboxOptions): Resources | undefined {
  const resources: Resources = {};
  if (memory !== undefined) resources.memory = { limit: bytes(memory, "--memory") };
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
  if (pidsLimit !== undefined) {
    if (!/^(-1|\d{1,15})$/.test(pidsLimit)) {
      throw new BrunError(`"${pidsLimit}" is no number`, {
        where: "--pids-limit",
        hint: "-1 is without a limit",
      });
    }
    // As for podman both 0 and -1 mean none.
    resources.pids = { limit: Number(pidsLimit) || -1 };
  }
  return Object.keys(resources).length === 0 ? undefined : resources;
}

const UNITS = "bkmgtp";

/** Bytes of "512m" or "1.5g", in powers of 1024 (podman-run(1)). Throws a BrunError that names the flag. */
export function bytes(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)([bkmgtp]?)(?:i?b)?$/i.exec(text);
  const power = UNITS.indexOf(match?.[2]?.toLowerCase() || "b");
  const value = Math.trunc(Number(match?.[1]) * 1024 ** power);
  if (match !== null && Number.isSafeInteger(value) && value > 0) return value;
  throw new BrunError(`"${text}" is no size`, { where: flag, hint: "bytes, or such as 512m and 2g" });
}
