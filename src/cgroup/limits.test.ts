import { describe, expect, test } from "bun:test";
import type { Resources } from "../spec/index.ts";
import { firstLimit } from "./demand.ts";
import { legacyWrites } from "./legacy-limits.ts";
import type { Write } from "./types.ts";
import { unifiedWrites, withoutEquivalent } from "./unified-limits.ts";

const lines = (writes: readonly Write[]) => writes.map(({ file, value }) => `${file}=${value}`);
const v2 = (resources: Resources, bfq = false) => lines(unifiedWrites(resources, bfq));
const v1 = (resources: Resources, bfq = false) => lines(legacyWrites(resources, bfq));

const device = { major: 8, minor: 16 };
const blockIO = {
  weight: 500,
  weightDevice: [{ ...device, weight: 100 }],
  throttleReadBpsDevice: [{ ...device, rate: 1024 }],
  throttleWriteBpsDevice: [{ ...device, rate: 0 }],
  throttleReadIOPSDevice: [{ ...device, rate: 5 }],
  throttleWriteIOPSDevice: [{ ...device, rate: 6n }],
};

describe("cgroup v2", () => {
  test("nothing for nothing", () => expect(v2({})).toEqual([]));
  test("memory: swap before the limit", () => {
    expect(v2({ memory: { limit: 1000, swap: 3000, reservation: 500 } })).toEqual([
      "memory.swap.max=2000",
      "memory.max=1000",
      "memory.low=500",
    ]);
    expect(v2({ memory: { limit: -1 } })).toEqual(["memory.swap.max=max", "memory.max=max"]);
    expect(v2({ memory: { limit: 0, swap: 0, reservation: -1 } })).toEqual(["memory.low=max"]);
  });
  test("cpu: quota and period in one file, burst around them", () => {
    expect(v2({ cpu: { quota: 20000, period: 50000, shares: 1024, burst: 0, idle: 1 } })).toEqual([
      "cpu.idle=1",
      "cpu.weight=100",
      "cpu.max.burst=0",
      "cpu.max=20000 50000",
    ]);
    expect(v2({ cpu: { quota: 20000 } })).toEqual(["cpu.max=20000 100000"]);
    expect(v2({ cpu: { quota: -1 } })).toEqual(["cpu.max=max 100000"]);
    expect(v2({ cpu: { period: 5000 } })).toEqual(["cpu.max=max 5000"]);
    expect(v2({ cpu: { cpus: "0-1", mems: "0" } })).toEqual(["cpuset.cpus=0-1", "cpuset.mems=0"]);
  });
  test("io: bfq where it is there", () => {
    const throttles = [
      "io.max=8:16 rbps=1024",
      "io.max=8:16 wbps=max",
      "io.max=8:16 riops=5",
      "io.max=8:16 wiops=6",
    ];
    expect(v2({ blockIO })).toEqual(["io.weight=4950", "io.weight=8:16 910", ...throttles]);
    expect(v2({ blockIO }, true)).toEqual(["io.bfq.weight=500", "io.bfq.weight=8:16 100", ...throttles]);
  });
  test("pids, hugetlb, rdma", () => {
    expect(v2({ pids: { limit: 32 } })).toEqual(["pids.max=32"]);
    expect(v2({ hugepageLimits: [{ pageSize: "2MB", limit: 4194304 }] })).toEqual([
      "hugetlb.2MB.max=4194304",
      "hugetlb.2MB.rsvd.max=4194304",
    ]);
    expect(v2({ rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 1 } } })).toEqual(
      ["rdma.max=mlx5_1 hca_handle=3 hca_object=10000", "rdma.max=mlx4_0 hca_object=1"],
    );
  });
  test("unified is written line by line, after everything else", () => {
    const unified = { "memory.high": "1000", "io.max": "8:0 rbps=1\n8:16 rbps=2", "cpu.weight": "" };
    expect(v2({ unified, pids: { limit: 1 } })).toEqual([
      "pids.max=1",
      "memory.high=1000",
      "io.max=8:0 rbps=1",
      "io.max=8:16 rbps=2",
      "cpu.weight=",
    ]);
    expect(() => v2({ unified: { "../x.y": "1" } })).toThrow("not a file of a cgroup");
    expect(() => v2({ unified: { memory: "1" } })).toThrow("not a file of a cgroup");
  });
  test("what only v1 has", () => {
    expect(
      withoutEquivalent({ memory: { swappiness: 0 }, network: { classID: 1 }, cpu: { realtimePeriod: 1 } }),
    ).toEqual([
      "linux.resources.memory.swappiness",
      "linux.resources.cpu.realtimePeriod",
      "linux.resources.network.classID",
    ]);
    expect(withoutEquivalent({ memory: { disableOOMKiller: false }, network: { priorities: [] } })).toEqual(
      [],
    );
  });
});

describe("cgroup v1", () => {
  test("memory", () => {
    expect(
      v1({ memory: { limit: 1000, swap: 3000, reservation: 500, swappiness: 0, disableOOMKiller: true } }),
    ).toEqual([
      "memory.limit_in_bytes=1000",
      "memory.memsw.limit_in_bytes=3000",
      "memory.soft_limit_in_bytes=500",
      "memory.oom_control=1",
      "memory.swappiness=0",
    ]);
    expect(v1({ memory: { limit: -1 } })).toEqual([
      "memory.limit_in_bytes=-1",
      "memory.memsw.limit_in_bytes=-1",
    ]);
    expect(() => v1({ memory: { swappiness: 101 } })).toThrow("0 to 100");
  });
  test("cpu", () => {
    expect(v1({ cpu: { shares: 2, quota: -1, period: 5000, burst: 1, idle: 0, cpus: "0" } })).toEqual([
      "cpuset.cpus=0",
      "cpu.shares=2",
      "cpu.cfs_period_us=5000",
      "cpu.cfs_burst_us=1",
      "cpu.cfs_quota_us=-1",
      "cpu.idle=0",
    ]);
    expect(v1({ cpu: { realtimePeriod: 2, realtimeRuntime: 1 } })).toEqual([
      "cpu.rt_period_us=2",
      "cpu.rt_runtime_us=1",
    ]);
    expect(() => v1({ cpu: { shares: 1 } })).toThrow("2 to 262144");
    expect(() => v1({ cpu: { shares: 262145 } })).toThrow("2 to 262144");
  });
  test("blkio", () => {
    expect(v1({ blockIO: { ...blockIO, leafWeight: 7 } })).toEqual([
      "blkio.weight=500",
      "blkio.leaf_weight=7",
      "blkio.weight_device=8:16 100",
      "blkio.throttle.read_bps_device=8:16 1024",
      "blkio.throttle.write_bps_device=8:16 0",
      "blkio.throttle.read_iops_device=8:16 5",
      "blkio.throttle.write_iops_device=8:16 6",
    ]);
    expect(v1({ blockIO: { weight: 10 } }, true)).toEqual(["blkio.bfq.weight=10"]);
  });
  test("pids, hugetlb, network", () => {
    expect(v1({ pids: { limit: -1 } })).toEqual(["pids.max=max"]);
    expect(v1({ hugepageLimits: [{ pageSize: "1GB", limit: 0 }] })).toEqual([
      "hugetlb.1GB.limit_in_bytes=0",
      "hugetlb.1GB.rsvd.limit_in_bytes=0",
    ]);
    expect(v1({ network: { classID: 0x100001, priorities: [{ name: "lo", priority: 3 }] } })).toEqual([
      "net_cls.classid=1048577",
      "net_prio.ifpriomap=lo 3",
    ]);
  });
});

test("what counts as a limit", () => {
  expect(firstLimit(undefined)).toBeNull();
  expect(firstLimit({ devices: [{ allow: false, access: "rwm" }] })).toBeNull();
  expect(
    firstLimit({ memory: { limit: -1, swap: 0 }, pids: { limit: -1 }, cpu: { cpus: "" }, blockIO: {} }),
  ).toBeNull();
  expect(firstLimit({ memory: { limit: 1 } })).toBe("linux.resources.memory.limit");
  expect(firstLimit({ pids: { limit: 0 } })).toBe("linux.resources.pids.limit");
  expect(firstLimit({ blockIO: { throttleReadBpsDevice: [{ ...device, rate: 1 }] } })).toBe(
    "linux.resources.blockIO",
  );
  expect(firstLimit({ unified: { "memory.high": "1" } })).toBe("linux.resources.unified");
});
