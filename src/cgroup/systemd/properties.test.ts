import { describe, expect, test } from "bun:test";
import type { Resources } from "../../spec/index.ts";
import { containerFilter, deviceFilter } from "../devices.ts";
import { annotatedProperties } from "./annotations.ts";
import { deviceProperties, resourceProperties, roundedQuota } from "./properties.ts";
import { INFINITY, parseValue } from "./value.ts";

const properties = (resources: Resources, version = 252) =>
  Object.fromEntries(resourceProperties(resources, version).map(({ name, value }) => [name, value.value]));

describe("limits as properties", () => {
  test("memory, pids, io", () => {
    expect(
      properties({
        memory: { limit: 1000, swap: 1500, reservation: -1 },
        pids: { limit: 0 },
        blockIO: { weight: 10 },
      }),
    ).toEqual({ MemoryMax: 1000n, MemorySwapMax: 500n, MemoryLow: INFINITY, TasksMax: 1n, IOWeight: 1n });
    expect(properties({ memory: { limit: -1 }, pids: { limit: -1 } })).toEqual({
      MemoryMax: INFINITY,
      MemorySwapMax: INFINITY,
      TasksMax: INFINITY,
    });
  });
  test("cpu", () => {
    expect(properties({ cpu: { shares: 1024, quota: 20000, period: 100000 } })).toEqual({
      CPUWeight: 100n,
      CPUQuotaPeriodUSec: 100000n,
      CPUQuotaPerSecUSec: 200000n,
    });
    expect(properties({ cpu: { quota: -1 } })).toEqual({ CPUQuotaPerSecUSec: INFINITY });
    expect(properties({ cpu: { quota: 20000, period: 50000 } }, 239)).toEqual({
      CPUQuotaPerSecUSec: 400000n,
    });
    expect(properties({ cpu: { shares: 512, idle: 1 } })).toEqual({ CPUWeight: 0n });
    expect(properties({ cpu: { shares: 512, idle: 1 } }, 251)).toEqual({ CPUWeight: 59n });
  });
  test("quotas are rounded up to whole percents, in both places", () => {
    const rounded = roundedQuota({ cpu: { quota: 4001, period: 10000 } });
    expect(rounded.cpu).toEqual({ quota: 4100, period: 10000 });
    expect(properties(rounded).CPUQuotaPerSecUSec).toBe(410000n);
    expect(roundedQuota({ cpu: { quota: -1 } }).cpu).toEqual({ quota: -1 });
  });
  test("cpusets are bits", () => {
    expect(properties({ cpu: { cpus: "0-1,9", mems: "0" } })).toEqual({
      AllowedCPUs: new Uint8Array([3, 2]),
      AllowedMemoryNodes: new Uint8Array([1]),
    });
    expect(properties({ cpu: { cpus: "0" } }, 243)).toEqual({});
  });
  test("unified: what systemd knows", () => {
    const unified = {
      "memory.high": "max",
      "pids.max": "7",
      "cpu.max": "max 5000",
      "cpuset.cpus": "1",
      "io.max": "8:0 rbps=1",
    };
    expect(properties({ unified })).toEqual({
      MemoryHigh: INFINITY,
      TasksMax: 7n,
      CPUQuotaPeriodUSec: 5000n,
      CPUQuotaPerSecUSec: INFINITY,
      AllowedCPUs: new Uint8Array([2]),
    });
  });
});

test("device rules as properties", () => {
  const [cleared, policy, allowed] = deviceProperties(
    containerFilter([{ allow: false, access: "rwm" }], undefined),
  );
  expect([cleared!.value.value, policy!.value.value]).toEqual([[], "strict"]);
  expect([...(allowed!.value.value as Iterable<unknown>)].slice(0, 3)).toEqual([
    ["char-*", "m"],
    ["block-*", "m"],
    ["/dev/char/1:3", "rwm"],
  ]);
  expect(allowed!.value.value).toContainEqual(["char-136", "rwm"]);
  expect(deviceProperties(deviceFilter([{ allow: true, access: "rwm" }]))[1]!.value.value).toBe("auto");
});

describe("annotations", () => {
  test("values", () => {
    expect(parseValue("true")).toEqual({ type: "b", value: true });
    expect(parseValue("5")).toEqual({ type: "i", value: 5n });
    expect(parseValue("uint64 18446744073709551615")).toEqual({ type: "t", value: INFINITY });
    expect(parseValue("2.5")).toEqual({ type: "d", value: 2.5 });
    expect(parseValue("'it\\'s'")).toEqual({ type: "s", value: "it's" });
    expect(parseValue("['a', \"b,c\"]")).toEqual({ type: "as", value: ["a", "b,c"] });
    expect(parseValue("@as []")).toEqual({ type: "as", value: [] });
    for (const bad of ["", "yes", "[]", "'a", "[1, 2]", "uint64 1.5", "{}"])
      expect(parseValue(bad)).toBeNull();
  });
  test("seconds become microseconds", () => {
    expect(annotatedProperties({ "org.systemd.property.TimeoutStopSec": "uint64 5", other: "x" })).toEqual([
      { name: "TimeoutStopUSec", value: { type: "t", value: 5000000n } },
    ]);
  });
  test("mistakes name the annotation", () => {
    expect(() => annotatedProperties({ "org.systemd.property.X-Y": "1" })).toThrow(
      "not the name of a property",
    );
    expect(() => annotatedProperties({ "org.systemd.property.After": "nope" })).toThrow('cannot read "nope"');
  });
});
