import { expect, test } from "bun:test";
import type { Usage } from "../container/resources/usage.ts";
import { duration } from "./duration.ts";
import { size, statsJson, statsTable } from "./stats-table.ts";

const before: Usage = {
  id: "web",
  created: 0,
  at: 1000,
  cpu: 1e9,
  memory: 0,
  memoryLimit: 1,
  pids: 1,
  read: 0,
  written: 0,
  network: null,
};
const now: Usage = {
  ...before,
  at: 2000,
  cpu: 1.5e9,
  memory: 12_345_678,
  memoryLimit: 1e9,
  pids: 3,
  read: 4096,
};

test("a row: CPU from two measurements, memory with its limit", () => {
  const [titles, row] = statsTable([{ before, now }], 65_000).split("\n");
  expect(titles!.split(/ {2,}/)).toEqual([
    ...["ID", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET IO", "BLOCK IO", "PIDS", "UPTIME"],
  ]);
  expect(row!.split(/ {2,}/)).toEqual([
    ...["web", "50.00%", "12.35MB / 1GB", "1.23%", "-- / --", "4.096kB / 0B", "3", "1m 5s"],
  ]);
});

test("JSON has podman's fields", () => {
  const network = { received: 1500, sent: 2 };
  expect(JSON.parse(statsJson([{ before: now, now: { ...now, network } }], 3000))).toEqual([
    {
      id: "web",
      name: "web",
      cpu_time: "1.500000s",
      cpu_percent: "0.00%",
      avg_cpu: "50.00%",
      mem_usage: "12.35MB / 1GB",
      mem_percent: "1.23%",
      net_io: "1.5kB / 2B",
      block_io: "4.096kB / 0B",
      pids: "3",
    },
  ]);
});

test.each([
  [0, "0B"],
  [999, "999B"],
  [1000, "1kB"],
  [16_384_000_000, "16.38GB"],
  [2e18, "2000PB"],
])("%d bytes", (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test.each([
  [-5, "0s"],
  [999, "0s"],
  [59_000, "59s"],
  [60_000, "1m"],
  [3_661_000, "1h 1m"],
  [86_400_000 * 3 + 60_000, "3d"],
])("%d ms", (ms, text) => {
  expect(duration(ms)).toBe(text);
});
