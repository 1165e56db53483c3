/** linux.resources and linux.cgroupsPath: what is read in the container's own cgroup. */

import { existsSync } from "node:fs";
import { BY_SYSTEMD } from "../support/cgroups.ts";
import type { TestSpec } from "../support/spec.ts";
import { type Case, expectOutput, inside, under } from "./case.ts";
import { cgroup2, textOf, undelegated, v1Controller, withoutLimits } from "./machine.ts";

/** A file of the container's cgroup. */
interface Limit {
  readonly controller: string;
  readonly file: string;
  readonly value: string | RegExp;
  /** What the machine lacks for it besides. */
  readonly lacks?: string | undefined;
}

const CGROUP = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] };

/** Sets resources and mounts the cgroup. */
const limited = (resources: object) => (spec: TestSpec) => {
  spec.linux.resources = resources;
  spec.mounts = [...spec.mounts.filter(({ type }) => type !== "cgroup"), CGROUP];
};

const resource = (section: string, names: string): string[] =>
  under(section === "" ? "linux.resources" : `linux.resources.${section}`, names);

/** Resources, and the files that show them with cgroup v1 and v2; null where that version has nothing of the kind. */
function limit(
  name: string,
  fields: readonly string[],
  resources: object,
  v1: Limit | null,
  v2: Limit | null,
  differs: Case["differs"] = {},
): Case {
  const here = cgroup2 ? v2 : v1;
  if (here === null) {
    const reason = `cgroup ${cgroup2 ? "v2" : "v1"} has nothing of the kind`;
    return inside(name, fields, () => undefined, "", "", { lacks: () => reason });
  }
  const directory = cgroup2 ? "" : `/${here.controller}`;
  return inside(name, fields, limited(resources), `cat /sys/fs/cgroup${directory}/${here.file}`, here.value, {
    lacks: (subject) => withoutLimits(here.controller, here.file)(subject) ?? here.lacks,
    differs,
  });
}

const at = (controller: string, file: string, value: string | RegExp): Limit => ({
  controller,
  file: `${controller === "cpuacct" ? "cpu" : controller}.${file}`,
  value: typeof value === "string" ? `${value}\n` : value,
});

const throttle = (name: string, v1: string, v2: string): Case =>
  limit(
    `blockIO throttle${name}Device`,
    resource(`blockIO.throttle${name}Device[]`, "major minor rate"),
    { blockIO: { [`throttle${name}Device`]: [{ major: DISK[0], minor: DISK[1], rate: 1048576 }] } },
    at("blkio", v1, `${DISK[0]}:${DISK[1]} 1048576`),
    at("io", "max", new RegExp(`${v2}=1048576`)),
  );

/** A whole disk's numbers: partitions cannot be throttled. */
function disk(): [number, number] {
  for (const name of new Bun.Glob("*").scanSync({ cwd: "/sys/block", onlyFiles: false })) {
    if (/^(loop|ram|zram|dm-)/.test(name)) continue;
    const text = Bun.spawnSync(["cat", `/sys/block/${name}/dev`]).stdout.toString();
    const [major, minor] = text.trim().split(":").map(Number);
    if (major !== undefined && minor !== undefined) return [major, minor];
  }
  return [8, 0];
}
const DISK = disk();
const withoutBfq = textOf(`/sys/dev/block/${DISK.join(":")}/queue/scheduler`).includes("[bfq]")
  ? undefined
  : "the disk's I/O scheduler is not bfq";

const HCA = "mlx5_0";
const hca: Limit = {
  ...at("rdma", "max", /mlx5_0 hca_handle=3 hca_object=1000/),
  lacks: existsSync(`/sys/class/infiniband/${HCA}`) ? undefined : `no device ${HCA}`,
};

const MB = 1 << 20;

const memory: readonly Case[] = [
  limit(
    "memory limit",
    resource("memory", "limit"),
    { memory: { limit: 64 * MB } },
    at("memory", "limit_in_bytes", `${64 * MB}`),
    at("memory", "max", `${64 * MB}`),
  ),
  limit(
    "memory and swap together",
    resource("memory", "limit swap"),
    { memory: { limit: 64 * MB, swap: 96 * MB } },
    at("memory", "memsw.limit_in_bytes", `${96 * MB}`),
    at("memory", "swap.max", `${32 * MB}`),
  ),
  limit(
    "memory reservation",
    resource("memory", "reservation checkBeforeUpdate"),
    { memory: { limit: 64 * MB, reservation: 32 * MB, checkBeforeUpdate: true } },
    at("memory", "soft_limit_in_bytes", `${32 * MB}`),
    at("memory", "low", `${32 * MB}`),
  ),
  limit(
    "memory swappiness",
    resource("memory", "swappiness"),
    { memory: { swappiness: 17 } },
    at("memory", "swappiness", "17"),
    null,
  ),
  limit(
    "memory disableOOMKiller",
    resource("memory", "disableOOMKiller"),
    { memory: { limit: 64 * MB, disableOOMKiller: true } },
    at("memory", "oom_control", /oom_kill_disable 1/),
    null,
  ),
  limit(
    "obsolete limits of the kernel's memory have no effect",
    resource("memory", "kernel kernelTCP useHierarchy"),
    { memory: { limit: 64 * MB, kernel: 32 * MB, kernelTCP: 32 * MB, useHierarchy: true } },
    at("memory", "limit_in_bytes", `${64 * MB}`),
    at("memory", "max", `${64 * MB}`),
  ),
];

const cpu: readonly Case[] = [
  limit(
    "cpu shares",
    resource("cpu", "shares"),
    { cpu: { shares: 512 } },
    at("cpu", "shares", "512"),
    at("cpu", "weight", /^(20|59)\n$/),
  ),
  limit(
    "cpu quota and period",
    resource("cpu", "quota period"),
    { cpu: { quota: 20000, period: 50000 } },
    at("cpu", "cfs_quota_us", "20000"),
    at("cpu", "max", "20000 50000"),
  ),
  limit(
    "cpu burst",
    resource("cpu", "burst"),
    { cpu: { quota: 20000, period: 50000, burst: 10000 } },
    at("cpu", "cfs_burst_us", "10000"),
    at("cpu", "max.burst", "10000"),
    { "runc 1.1": "is older than the field" },
  ),
  limit(
    "cpu idle",
    resource("cpu", "idle"),
    { cpu: { idle: 1 } },
    at("cpu", "idle", "1"),
    at("cpu", "idle", "1"),
    { "runc 1.1": "is older than the field" },
  ),
  limit(
    "cpu real-time runtime and period",
    resource("cpu", "realtimeRuntime realtimePeriod"),
    { cpu: { realtimePeriod: 500000, realtimeRuntime: 0 } },
    at("cpu", "rt_period_us", "500000"),
    null,
  ),
  limit(
    "cpuset cpus and mems",
    resource("cpu", "cpus mems"),
    { cpu: { cpus: "0", mems: "0" } },
    at("cpuset", "cpus", "0"),
    at("cpuset", "cpus", "0"),
  ),
];

const others: readonly Case[] = [
  limit(
    "pids limit",
    resource("pids", "limit"),
    { pids: { limit: 33 } },
    at("pids", "max", "33"),
    at("pids", "max", "33"),
  ),
  limit(
    "blockIO weight",
    resource("blockIO", "weight"),
    { blockIO: { weight: 300 } },
    at("blkio", "weight", "300"),
    at("io", "weight", /default \d+/),
  ),
  limit(
    "blockIO leafWeight",
    resource("blockIO", "leafWeight"),
    { blockIO: { leafWeight: 300 } },
    at("blkio", "leaf_weight", "300"),
    null,
  ),
  limit(
    "blockIO weightDevice",
    resource("blockIO.weightDevice[]", "major minor weight"),
    { blockIO: { weightDevice: [{ major: DISK[0], minor: DISK[1], weight: 300 }] } },
    at("blkio", "weight_device", `${DISK[0]}:${DISK[1]} 300`),
    { ...at("io", "bfq.weight", new RegExp(`${DISK[0]}:${DISK[1]} 300`)), lacks: withoutBfq },
  ),
  limit(
    "blockIO weightDevice leafWeight",
    resource("blockIO.weightDevice[]", "leafWeight"),
    { blockIO: { weightDevice: [{ major: DISK[0], minor: DISK[1], leafWeight: 300 }] } },
    at("blkio", "leaf_weight_device", `${DISK[0]}:${DISK[1]} 300`),
    null,
  ),
  throttle("ReadBps", "throttle.read_bps_device", "rbps"),
  throttle("WriteBps", "throttle.write_bps_device", "wbps"),
  throttle("ReadIOPS", "throttle.read_iops_device", "riops"),
  throttle("WriteIOPS", "throttle.write_iops_device", "wiops"),
  limit(
    "huge pages",
    resource("hugepageLimits[]", "pageSize limit"),
    { hugepageLimits: [{ pageSize: "2MB", limit: 4 * MB }] },
    at("hugetlb", "2MB.limit_in_bytes", `${4 * MB}`),
    at("hugetlb", "2MB.max", `${4 * MB}`),
  ),
  limit(
    "network class",
    resource("network", "classID"),
    { network: { classID: 1048577 } },
    at("net_cls", "classid", "1048577"),
    null,
  ),
  limit(
    "network priorities",
    resource("network.priorities[]", "name priority"),
    { network: { priorities: [{ name: "lo", priority: 5 }] } },
    at("net_prio", "ifpriomap", /^lo 5$/m),
    null,
  ),
  limit(
    "rdma",
    resource("rdma.*", "hcaHandles hcaObjects"),
    { rdma: { [HCA]: { hcaHandles: 3, hcaObjects: 1000 } } },
    hca,
    hca,
  ),
  limit(
    "unified",
    resource("", "unified"),
    { unified: { "memory.high": `${48 * MB}` } },
    null,
    at("memory", "high", `${48 * MB}`),
  ),
];

/** What a device node may be used for. */
const devices: Case = inside(
  "rules for devices: only what they and the defaults allow can be opened",
  resource("devices[]", "allow type major minor access"),
  (spec) => {
    spec.linux.resources = {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 10, minor: 229, access: "r" },
      ],
    };
    spec.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 }];
  },
  "(: </dev/fuse) 2>/dev/null && echo r; (: >/dev/fuse) 2>/dev/null && echo w; head -c 2 /dev/zero | wc -c",
  "r\n2\n",
  {
    only: "root",
    lacks: ({ runtime }) =>
      cgroup2 || (v1Controller("devices") && runtime !== "crun") ? undefined : "crun needs cgroup v2 alone",
  },
);

const path: Case = {
  name: "the cgroup is the one of cgroupsPath",
  fields: ["linux.cgroupsPath"],
  lacks: ({ runtime, caller }) => {
    if (caller.name === "user" && undelegated !== undefined) return undelegated;
    return runtime === "crun" && !cgroup2 ? "crun needs cgroup v2 alone" : undefined;
  },
  run: async (box) => {
    const name = box.name();
    // An absolute one is below the mount, where a user may make nothing.
    const slash = box.subject.caller.name === "root" ? "/" : "";
    const [cgroupsPath, shown] = BY_SYSTEMD
      ? [`:test:${name}`, `test-${name}.scope`]
      : [`${slash}${name}`, name];
    const outcome = await box.sh(
      "cut -d: -f3 /proc/self/cgroup | sort | uniq -c | sort -rn | head -n 1",
      (spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "cgroup");
        spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup");
        spec.linux.cgroupsPath = cgroupsPath;
        spec.linux.resources = { pids: { limit: 100 } };
      },
    );
    expectOutput(outcome, new RegExp(`/${shown}\\n$`));
  },
};

export const resourceCases: readonly Case[] = [...memory, ...cpu, ...others, devices, path];
