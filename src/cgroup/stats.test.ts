import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { toJson } from "../spec/json.ts";
import { blkioEntries } from "./legacy-stats.ts";
import { readStats } from "./stats.ts";
import { pressure } from "./unified-stats.ts";
import { completeResources } from "./update.ts";

function withFiles<T>(files: Readonly<Record<string, string>>, use: (directory: string) => T): T {
  const directory = mkdtempSync(`${tmpdir()}/brun-stats-`);
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(`${directory}/${name}`, text);
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const plan = (directory: string) => ({ version: 2 as const, paths: { "": directory } });

test("cgroup v2 in runc's form", () => {
  const files = {
    "cpu.stat": "usage_usec 3\nuser_usec 1\nsystem_usec 2\nnr_periods 4\nnr_throttled 0\nthrottled_usec 5\n",
    "memory.current": "1000\n",
    "memory.max": "max\n",
    "memory.peak": "2000\n",
    "memory.swap.current": "24\n",
    "memory.swap.max": "max\n",
    "memory.stat": "file 9\nanon 7\n",
    "pids.current": "3\n",
    "pids.max": "32\n",
    "io.stat": "8:0 rbytes=1 wbytes=0 rios=2 wios=3 dbytes=0 dios=0\n",
  };
  const stats = withFiles(files, (directory) => readStats(plan(directory)));
  expect(stats.cpu).toEqual({
    usage: { total: 3000, kernel: 2000, user: 1000 },
    throttling: { periods: 4, throttledTime: 5000 },
  });
  expect(stats.memory).toEqual({
    cache: 9,
    usage: { limit: 18446744073709551615n, usage: 1000, max: 2000, failcnt: 0 },
    swap: { limit: 18446744073709551615n, usage: 1024, failcnt: 0 },
    raw: { anon: 7, file: 9 },
  });
  expect(stats.pids).toEqual({ current: 3, limit: 32 });
  expect(stats.blkio).toEqual({
    ioServiceBytesRecursive: [
      { major: 8, op: "Read", value: 1 },
      { major: 8, op: "Write" },
    ],
    ioServicedRecursive: [
      { major: 8, op: "Read", value: 2 },
      { major: 8, op: "Write", value: 3 },
    ],
  });
  const json = toJson(stats, "");
  expect(json).toContain('"limit":18446744073709551615,"usage":1000');
  expect(json).toContain('"raw":{"anon":7,"file":9}');
});

test("an empty cgroup has statistics too", () => {
  const stats = withFiles({ "cgroup.procs": "1\n2\n" }, (directory) => readStats(plan(directory)));
  expect([stats.cpu, stats.memory, stats.pids]).toEqual([
    { usage: { kernel: 0, user: 0 } },
    {},
    { current: 2 },
  ]);
});

test("pressure", () => {
  const text =
    "some avg10=1.50 avg60=0.20 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  expect(pressure(text)).toEqual({ some: { avg10: 1.5, avg60: 0.2, avg300: 0, total: 77 } });
  expect(pressure(null)).toBeUndefined();
});

test("v1 block I/O", () => {
  expect(blkioEntries("8:0 Read 12\n8:0 Total 12\nTotal 12\n")).toEqual([
    { major: 8, op: "Read", value: 12 },
    { major: 8, op: "Total", value: 12 },
  ]);
});

test("limits given in part are completed from the files", () => {
  const complete = (files: Readonly<Record<string, string>>, resources: object) =>
    withFiles(files, (directory) => completeResources(plan(directory), resources));
  expect(complete({ "cpu.max": "20000 50000\n" }, { cpu: { quota: 1000 } })).toEqual({
    cpu: { quota: 1000, period: 50000 },
  });
  expect(complete({ "cpu.max": "20000 50000\n" }, { cpu: { period: 9000 } })).toEqual({
    cpu: { quota: 20000, period: 9000 },
  });
  expect(complete({ "cpu.max": "max 100000\n" }, { cpu: { period: 9000 } })).toEqual({
    cpu: { period: 9000 },
  });
  expect(complete({ "memory.max": "4096\n" }, { memory: { swap: 8192 } })).toEqual({
    memory: { swap: 8192, limit: 4096 },
  });
  expect(complete({ "memory.max": "max\n" }, { memory: { swap: 8192 } })).toEqual({
    memory: { swap: 8192, limit: -1 },
  });
});
