import { expect, test } from "bun:test";
import { parseDuration } from "./events.ts";
import { fromFlags, parseBytes } from "./update.ts";

test("sizes", () => {
  const cases: [string, bigint][] = [
    ["-1", -1n],
    ["0", 0n],
    ["1024", 1024n],
    ["1k", 1024n],
    ["512m", 536870912n],
    ["512MiB", 536870912n],
    ["1.5g", 1610612736n],
    ["2 GB", 2147483648n],
    ["8p", 9007199254740992n],
  ];
  for (const [text, bytes] of cases) expect(parseBytes("memory", text)).toBe(bytes);
  for (const bad of ["", "-2", "m", "1x", "1mm", "0x10"]) {
    expect(() => parseBytes("memory", bad)).toThrow("invalid value for memory");
  }
});

test("flags to limits", () => {
  expect(fromFlags({})).toEqual({});
  expect(
    fromFlags({
      memory: "1m",
      "cpu-quota": "-1",
      "cpu-rt-runtime": "+5",
      "cpu-share": "2",
      "pids-limit": "-1",
      "blkio-weight": "10",
    }),
  ).toEqual({
    memory: { limit: 1048576n },
    cpu: { shares: 2n, quota: -1n, realtimeRuntime: 5n },
    pids: { limit: -1n },
    blockIO: { weight: 10 },
  });
  expect(() => fromFlags({ "cpu-share": "-1" })).toThrow("invalid value for cpu-share");
});

test("durations", () => {
  expect(parseDuration("5s")).toBe(5000);
  expect(parseDuration("1m30s")).toBe(90000);
  expect(parseDuration("1.5ms")).toBe(1.5);
  expect(parseDuration("+2s")).toBe(2000);
  for (const bad of ["", "5", "s", "5 s", "-", "+-5s", "00"]) {
    expect(() => parseDuration(bad)).toThrow("not a duration");
  }
  for (const least of ["0", "0s", "-1s", "-0"]) {
    expect(() => parseDuration(least)).toThrow("duration interval must be greater than 0");
  }
});
