/** The same spec by brun, crun and runc: every file of the cgroup has the same value. Only in the test machine. */
import { describe, expect, test } from "bun:test";
import type { RuntimeName } from "../support/runtime.ts";
import { diskNumber, type Place, PlacedSandbox, place, settings } from "./place.ts";

const MIB = 1024 * 1024;

const here = place();
const [major, minor] = here === undefined ? [] : diskNumber("vda");
const DISK = { major, minor };

/** No shares: brun converts them by the formula that runc and crun have since 2025, Debian's by the former one. */
const SPECS: Readonly<Record<string, object>> = {
  "no limit": {},
  limits: {
    memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB },
    cpu: { quota: 25000, period: 50000, cpus: "0", mems: "0" },
    pids: { limit: 77 },
  },
  "I/O, and huge pages": {
    blockIO: {
      throttleReadBpsDevice: [{ ...DISK, rate: 1000000 }],
      throttleWriteIOPSDevice: [{ ...DISK, rate: 300 }],
    },
    // Not delegated to users.
    hugepageLimits: here?.user === false ? [{ pageSize: "2MB", limit: 4 * MIB }] : [],
  },
  "unlimited, and unified": {
    memory: { limit: 64 * MIB, swap: -1 },
    pids: { limit: -1 },
    unified: { "memory.high": `${48 * MIB}`, "cpu.weight": "33" },
  },
};

/** Limits of reservations, which Debian's releases of runc and crun do not set; later ones do, with the same value. */
const NOT_YET = /^hugetlb\..*\.rsvd\.max$/;

/** Where crun differs from both, and why that is right. runc differs nowhere else. */
const CRUN_DIFFERS: Readonly<Record<string, readonly string[]>> = {
  // It takes away systemd's DefaultTasksMax, which brun and runc leave when the spec sets no limit.
  "user-systemd": ["pids.max"],
  // It enables only the controllers that systemd knows.
  "root-systemd": ["pids.max", "cgroup.controllers", "misc.max", "rdma.max"],
};

type Files = ReturnType<typeof settings>;

async function filesOf(at: Place, runtime: RuntimeName, resources: object): Promise<Files> {
  await using box = new PlacedSandbox(at, runtime);
  const id = await box.detached((spec) => {
    spec.linux.resources = resources;
  });
  const directory = await box.cgroupOf(id);
  expect(directory).toContain(id);
  return settings(directory);
}

function differences(at: Place, runtime: RuntimeName, brun: Files, other: Files): string[] {
  const names = [...new Set([...Object.keys(brun), ...Object.keys(other)])].sort();
  return names
    .filter((name) => brun[name] !== other[name] && !NOT_YET.test(name))
    .filter((name) => runtime !== "crun" || !CRUN_DIFFERS[at.name]?.includes(name))
    .map((name) => `${runtime}: ${name}: ${other[name]}, brun: ${brun[name]}`);
}

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
