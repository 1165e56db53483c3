/** The same spec by brun, crun and runc: every file of the cgroup has the same value. Only in the test machine. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { ALL_RUNTIMES, type RuntimeName } from "../support/runtime.ts";
import { fileText, PlacedSandbox, place } from "./place.ts";

const MIB = 1024 * 1024;

/** Files that tell what happens and not what was set. */
const MEASURED =
  /^(cgroup\.(procs|threads|stat|events)|cpu\.stat|io\.stat|pids\.(current|peak|events)|memory\.(current|peak|stat|numa_stat|events(\.local)?|swap\.(current|events|peak)|zswap\.current)|.*\.pressure|(hugetlb|misc|rdma)\..*(current|events(\.local)?|numa_stat))$/;

/** No shares: brun converts them by the formula that runc and crun have since 2025, Debian's by the former one. */
const SPECS: Readonly<Record<string, object>> = {
  none: { pids: { limit: 0 } },
  memory: { memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB } },
  "unlimited swap": { memory: { limit: 64 * MIB, swap: -1 } },
  cpu: { cpu: { quota: 25000, period: 50000 }, pids: { limit: 77 } },
  cpuset: { cpu: { cpus: "0", mems: "0" } },
  unified: { unified: { "memory.high": `${48 * MIB}`, "cpu.weight": "33", "pids.max": "44" } },
};

async function files(at: NonNullable<ReturnType<typeof place>>, runtime: RuntimeName, resources: object) {
  await using box = new PlacedSandbox(at, runtime);
  const id = await box.detached((spec) => {
    spec.linux.resources = resources;
  });
  const directory = await box.cgroupOf(id);
  const names = readdirSync(directory).filter((name) => name.includes(".") && !MEASURED.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, fileText(directory, name)]));
}

const here = place();
if (here !== undefined) {
  describe(`cgroup files at ${here.name}`, () => {
    for (const [name, resources] of Object.entries(SPECS)) {
      test(name, async () => {
        const [brun, ...others] = await Promise.all(ALL_RUNTIMES.map((r) => files(here, r, resources)));
        for (const [i, other] of others.entries()) {
          expect({ than: ALL_RUNTIMES[i + 1], ...brun }).toEqual({ than: ALL_RUNTIMES[i + 1], ...other });
        }
      });
    }
  });
}
