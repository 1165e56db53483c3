/** The same spec by brun, crun and runc: every file of the cgroup has the same value. Only in the test machine. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { RuntimeName } from "../support/runtime.ts";
import { fileText, type Place, PlacedSandbox, place } from "./place.ts";

const MIB = 1024 * 1024;

/** Files that tell what happens and not what was set. */
const MEASURED =
  /^(cgroup\.(procs|threads|stat|events)|cpu\.stat|io\.stat|pids\.(current|peak|events)|memory\.(current|peak|stat|numa_stat|events(\.local)?|swap\.(current|events|peak)|zswap\.current)|.*\.pressure|(hugetlb|misc|rdma)\..*(current|events(\.local)?|numa_stat))$/;

/** No shares: brun converts them by the formula that runc and crun have since 2025, Debian's by the former one. */
const SPECS: Readonly<Record<string, object>> = {
  "no limit": {},
  limits: {
    memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB },
    cpu: { quota: 25000, period: 50000, cpus: "0", mems: "0" },
    pids: { limit: 77 },
  },
  "unlimited, and unified": {
    memory: { limit: 64 * MIB, swap: -1 },
    pids: { limit: -1 },
    unified: { "memory.high": `${48 * MIB}`, "cpu.weight": "33" },
  },
};

/** Where crun differs from both, and why that is right. runc differs nowhere. */
const CRUN_DIFFERS: Readonly<Record<string, readonly string[]>> = {
  // It takes away systemd's DefaultTasksMax, which brun and runc leave when the spec sets no limit.
  "user-systemd": ["pids.max"],
  // It enables only the controllers that systemd knows.
  "root-systemd": ["pids.max", "cgroup.controllers", "misc.max", "rdma.max"],
};

type Files = Readonly<Record<string, string>>;

async function filesOf(at: Place, runtime: RuntimeName, resources: object): Promise<Files> {
  await using box = new PlacedSandbox(at, runtime);
  const id = await box.detached((spec) => {
    spec.linux.resources = resources;
  });
  const directory = await box.cgroupOf(id);
  expect(directory).toContain(id);
  const names = readdirSync(directory).filter((name) => name.includes(".") && !MEASURED.test(name));
  return Object.fromEntries(names.map((name) => [name, fileText(directory, name)]));
}

function differences(at: Place, runtime: RuntimeName, brun: Files, other: Files): string[] {
  const names = [...new Set([...Object.keys(brun), ...Object.keys(other)])].sort();
  return names
    .filter((name) => brun[name] !== other[name])
    .filter((name) => runtime !== "crun" || !CRUN_DIFFERS[at.name]?.includes(name))
    .map((name) => `${runtime}: ${name}: ${other[name]}, brun: ${brun[name]}`);
}

const here = place();
if (here !== undefined) {
  // Without systemd crun silently leaves a user's container in the caller's cgroup.
  const others: RuntimeName[] = here.name === "user-delegated" ? ["runc"] : ["crun", "runc"];
  describe(`cgroup files at ${here.name}`, () => {
    for (const [name, resources] of Object.entries(SPECS)) {
      test.concurrent(name, async () => {
        const brun = await filesOf(here, "brun", resources);
        const found: string[] = [];
        for (const runtime of others) {
          found.push(...differences(here, runtime, brun, await filesOf(here, runtime, resources)));
        }
        expect(found).toEqual([]);
      });
    }
  });
}
