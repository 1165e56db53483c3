/** Fields of `linux` but cgroups and seccomp. */
import { readFileSync, readlinkSync } from "node:fs";
import { mapManyIds, type TestSpec } from "../support/spec.ts";
import { type Case, expectEqual, expectOutput, inside, refused, set, under } from "./case.ts";
import { cgroup2, enabledModule, textOf } from "./machine.ts";

const OLD = { "crun 1.8": "is older than the field", "runc 1.1": "is older than the field" };
const OLD_RUNC = { "runc 1.1": "is older than the field" };

const NAMESPACES: Readonly<Record<string, string>> = {
  pid: "pid",
  network: "net",
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  user: "user",
  cgroup: "cgroup",
  time: "time",
};

const namespaceOf = (file: string): string => readlinkSync(`/proc/self/ns/${file}`);

/** A new namespace is another than the host's. */
function fresh(type: string, file: string): Case {
  return {
    name: `a new ${type} namespace`,
    fields: ["linux.namespaces[].type"],
    differs: type === "time" ? OLD : {},
    run: async (box) => {
      const outcome = await box.sh(`readlink /proc/self/ns/${file}`, (spec) => {
        const { namespaces } = spec.linux;
        if (type === "user") mapManyIds(spec, box.subject.caller);
        else if (!namespaces.some((namespace) => namespace.type === type)) namespaces.push({ type });
      });
      expectOutput(outcome, /^\w+:\[\d+\]\n$/);
      if (outcome.stdout.trim() === namespaceOf(file)) throw new Error("it is the host's");
    },
  };
}

/** A namespace by path is that of another container. */
function joined(type: string, file: string): Case {
  return {
    name: `the ${type} namespace of another container`,
    fields: ["linux.namespaces[].path"],
    differs: {
      "runc 1.1": "wants id maps, also where it joins the user namespace",
      ...(type === "pid" ? { crun: "joins it before the user namespace that gives the right to" } : {}),
    },
    run: async (box) => {
      const { caller } = box.subject;
      const first = await box.detached((spec) => {
        const { namespaces } = spec.linux;
        if (!namespaces.some((namespace) => namespace.type === type)) namespaces.push({ type });
      });
      const { pid } = await box.inspect(first);
      const outcome = await box.sh(`readlink /proc/self/ns/${file}`, (spec) => {
        const { namespaces } = spec.linux;
        const at = namespaces.findIndex((namespace) => namespace.type === type);
        if (at >= 0) namespaces.splice(at, 1);
        namespaces.push({ type, path: `/proc/${pid}/ns/${file}` });
        if (type === "uts") delete spec.hostname;
        // It belongs to the first one's user namespace.
        if (caller.name === "user" && type !== "user") {
          const user = namespaces.findIndex((namespace) => namespace.type === "user");
          namespaces.splice(user, 1, { type: "user", path: `/proc/${pid}/ns/user` });
        }
        if (caller.name === "user") {
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
        }
        if (type === "network" || caller.name === "user") {
          spec.mounts = spec.mounts.filter((mount) => mount.type !== "sysfs");
        }
      });
      expectOutput(outcome, `${readlinkSync(`/proc/${pid}/ns/${file}`)}\n`);
    },
  };
}

const namespaces: readonly Case[] = [
  ...Object.entries(NAMESPACES).map(([type, file]) => fresh(type, file)),
  ...Object.entries(NAMESPACES)
    .filter(([type]) => !["user", "mount", "time"].includes(type))
    .map(([type, file]) => joined(type, file)),
  {
    name: "namespaces that are not asked for are the host's",
    fields: ["linux.namespaces[].type"],
    run: async (box) => {
      const files = box.subject.caller.name === "user" ? ["uts", "net"] : ["uts"];
      const outcome = await box.sh(
        `for f in ${files.join(" ")}; do readlink /proc/self/ns/$f; done`,
        (spec) => {
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "uts");
          delete spec.hostname;
        },
      );
      expectOutput(outcome, files.map((file) => `${namespaceOf(file)}\n`).join(""));
    },
  },
  {
    name: "id maps: inside, outside and size",
    fields: [
      ...under("linux.uidMappings[]", "containerID hostID size"),
      ...under("linux.gidMappings[]", "containerID hostID size"),
    ],
    run: async (box) => {
      let expected = "";
      const bundle = box.bundle((spec) => {
        mapManyIds(spec, box.subject.caller);
        spec.process.args = ["/bin/sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '"];
        for (const map of [spec.linux.uidMappings!, spec.linux.gidMappings!]) {
          for (const { containerID, hostID, size } of map) expected += ` ${containerID} ${hostID} ${size}\n`;
        }
      });
      expectOutput(await box.call(["run", "--bundle", bundle, box.name()]), expected);
    },
  },
];

/** What a user gets is the host's device, bound. */
const devices: readonly Case[] = [
  inside(
    "devices of each type, with numbers, mode and owner",
    under("linux.devices[]", "path type major minor fileMode uid gid"),
    (spec) => {
      spec.linux.devices = [
        { path: "/dev/one", type: "c", major: 1, minor: 5, fileMode: 0o640, uid: 7, gid: 8 },
        { path: "/dev/two", type: "b", major: 7, minor: 300, fileMode: 0o600 },
        { path: "/dev/sub/three", type: "p", fileMode: 0o622, uid: 9 },
      ];
    },
    "stat -c '%n %F %a %u:%g %t:%T' /dev/one /dev/two /dev/sub/three",
    "/dev/one character special file 640 7:8 1:5\n/dev/two block special file 600 0:0 7:12c\n" +
      "/dev/sub/three fifo 622 9:0 0:0\n",
    { only: "root" },
  ),
  inside(
    "a device that the host has can be used",
    under("linux.devices[]", "path type major minor"),
    (spec) => {
      spec.linux.devices = [{ path: "/dev/full", type: "c", major: 1, minor: 7 }];
      spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/dev/full");
    },
    "stat -c '%F %t:%T' /dev/full; echo x 2>&1 >/dev/full | grep -c 'No space'; head -c 2 /dev/full | wc -c",
    "character special file 1:7\n1\n2\n",
    { only: "user", differs: { "crun 1.8": "makes the devices in a mount namespace that it may not make" } },
  ),
];

/** Moves a device of a network namespace that stands for the host's. */
const netDevices: Case = {
  name: "a network device is moved in, renamed, and keeps its address",
  fields: ["linux.netDevices.*.name"],
  only: "root",
  differs: OLD,
  run: async (box) => {
    const bundle = box.bundle((spec) => {
      set(spec.linux, { netDevices: { one: { name: "ctr0" } } });
      spec.process.args = ["/bin/sh", "-c", "ip -o -4 addr show dev ctr0 | awk '{print $4}'"];
    });
    const prepare =
      "ip link add one type veth peer name two && ip addr add 10.9.8.7/24 dev one && ip link set one up";
    const argv = box.argv(["run", "--bundle", bundle, box.name()]);
    const child = Bun.spawnSync(["unshare", "--net", "sh", "-c", `${prepare} && "$@"`, "sh", ...argv], {
      env: box.env,
    });
    const [stdout, stderr] = [child.stdout.toString(), child.stderr.toString()];
    expectOutput({ code: child.exitCode, signal: null, stdout, stderr }, "10.9.8.7/24\n");
  },
};

/** Mounts that the host would see, in a mount namespace that stands for its. */
const shared: Case = {
  name: "rootfsPropagation rshared: the host sees mounts below a shared bind mount",
  fields: ["linux.rootfsPropagation"],
  only: "root",
  lacks: ({ runtime }) =>
    runtime === "crun" && !cgroup2
      ? "crun runs in a mount namespace that is made for it beside cgroup v1"
      : undefined,
  run: async (box) => {
    const volume = `${box.dir}/volume`;
    const bundle = box.bundle((spec) => {
      for (const kind of ["bounding", "effective", "permitted"])
        spec.process.capabilities![kind]!.push("CAP_SYS_ADMIN");
      spec.linux.rootfsPropagation = "rshared";
      spec.mounts.push({
        destination: "/volume",
        type: "bind",
        source: volume,
        options: ["rbind", "rshared"],
      });
      const script = "mkdir /volume/inner && mount -t tmpfs tmpfs /volume/inner && touch /volume/inner/seen";
      spec.process.args = ["/bin/sh", "-c", script];
    });
    const script = `mkdir '${volume}' && mount -t tmpfs tmpfs '${volume}' && mount --make-shared '${volume}' && "$@"
      ls '${volume}/inner'`;
    const argv = box.argv(["run", "--bundle", bundle, box.name()]);
    const child = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script, "sh", ...argv], { env: box.env });
    const [stdout, stderr] = [child.stdout.toString(), child.stderr.toString()];
    expectOutput({ code: child.exitCode, signal: null, stdout, stderr }, "seen\n");
  },
};

const propagation = (
  [
    ["private", /^$/],
    ["unbindable", /^unbindable$/],
    ["shared", /^shared:\d+$/],
  ] as const
).map(([value, expected]) =>
  inside(
    `rootfsPropagation ${value} is that of the root`,
    ["linux.rootfsPropagation"],
    (spec) => {
      spec.linux.rootfsPropagation = value;
    },
    'awk \'$5 == "/" { s = ""; for (i = 7; $i != "-"; i++) s = s $i; last = s } END { printf "%s", last }\' /proc/self/mountinfo',
    expected,
    {
      differs:
        value === "private" ? {} : { "runc 1.1": "prepares the root in a way that this does not work with" },
    },
  ),
);

const without = (spec: TestSpec, type: string): void => {
  spec.linux.namespaces = spec.linux.namespaces.filter((namespace) => namespace.type !== type);
};

export const linuxCases: readonly Case[] = [
  ...namespaces,
  inside(
    "a sysctl of the network namespace",
    ["linux.sysctl"],
    (spec) => {
      without(spec, "network");
      spec.linux.namespaces.push({ type: "network" });
      spec.linux.sysctl = { "net.ipv4.ip_unprivileged_port_start": "777" };
    },
    "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
    "777\n",
  ),
  inside(
    "a sysctl of the ipc namespace",
    ["linux.sysctl"],
    (spec) => {
      spec.linux.sysctl = { "kernel.msgmax": "7777" };
    },
    "cat /proc/sys/kernel/msgmax",
    "7777\n",
  ),
  refused("a sysctl that has no namespace is refused", ["linux.sysctl"], (spec) => {
    spec.linux.sysctl = { "vm.swappiness": readFileSync("/proc/sys/vm/swappiness", "utf8").trim() };
  }),
  ...devices,
  netDevices,
  shared,
  ...propagation,
  inside(
    "masked files are empty, masked directories too, what is not there is left out",
    ["linux.maskedPaths[]"],
    (spec) => {
      spec.linux.maskedPaths = ["/etc/passwd", "/home", "/not/there"];
      spec.mounts.push({ destination: "/home", type: "tmpfs", source: "tmpfs" });
    },
    "wc -c </etc/passwd; ls -A /home | wc -l; touch /home/x 2>/dev/null || echo read-only",
    "0\n0\nread-only\n",
  ),
  inside(
    "a masked symbolic link covers what it leads to, or is an error: it leaves nothing to read",
    ["linux.maskedPaths[]"],
    (spec) => {
      spec.linux.maskedPaths = ["/proc/self/../../etc/group"];
    },
    "wc -c </etc/group",
    "0\n",
  ),
  inside(
    "read-only paths",
    ["linux.readonlyPaths[]"],
    (spec) => {
      spec.linux.readonlyPaths = ["/home", "/etc/hosts", "/not/there"];
    },
    "touch /home/x 2>/dev/null || echo no; echo x 2>/dev/null >/etc/hosts || echo no; touch /etc/x && echo yes",
    "no\nno\nyes\n",
  ),
  refused(
    "mountLabel without SELinux is refused",
    ["linux.mountLabel"],
    (spec) => set(spec.linux, { mountLabel: "system_u:object_r:container_file_t:s0" }),
    {
      lacks: () => (enabledModule("SELinux") ? "SELinux is enabled" : undefined),
      differs: { crun: "ignores it where the kernel has no SELinux" },
    },
  ),
  refused(
    "intelRdt without resctrl is refused",
    under("linux.intelRdt", "closID schemata[] l3CacheSchema memBwSchema enableMonitoring"),
    (spec) =>
      set(spec.linux, {
        intelRdt: {
          closID: "gold",
          schemata: ["L3:0=f"],
          l3CacheSchema: "L3:0=f",
          memBwSchema: "MB:0=70",
          enableMonitoring: true,
        },
      }),
    {
      lacks: () =>
        textOf("/proc/self/mountinfo").includes(" - resctrl ") ? "resctrl is mounted" : undefined,
      differs: { "crun 1.8": "ignores it", "runc 1.1": "ignores it" },
    },
  ),
  refused(
    "intelRdt with fields that the spec has taken back is refused without resctrl as well",
    under("linux.intelRdt", "enableCMT enableMBM"),
    (spec) => set(spec.linux, { intelRdt: { closID: "gold", enableCMT: true, enableMBM: true } }),
    {
      lacks: () =>
        textOf("/proc/self/mountinfo").includes(" - resctrl ") ? "resctrl is mounted" : undefined,
      differs: { "crun 1.8": "ignores it", "runc 1.1": "ignores it" },
    },
  ),
  inside(
    "a memory policy",
    under("linux.memoryPolicy", "mode nodes flags[]"),
    (spec) =>
      set(spec.linux, { memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] } }),
    "head -n 1 /proc/self/numa_maps | cut -d' ' -f2",
    "bind=static:0\n",
    {
      lacks: () => (textOf("/proc/self/numa_maps") === "" ? "a kernel without NUMA" : undefined),
      differs: OLD,
    },
  ),
  inside(
    "personality LINUX32",
    under("linux.personality", "domain flags[]"),
    (spec) => set(spec.linux, { personality: { domain: "LINUX32", flags: [] } }),
    "uname -m",
    /^(i686|armv8l)\n$/,
    { differs: OLD_RUNC },
  ),
  {
    name: "offsets of the clocks",
    fields: under("linux.timeOffsets", "monotonic.secs monotonic.nanosecs boottime.secs boottime.nanosecs"),
    differs: OLD,
    run: async (box) => {
      const outcome = await box.sh(
        "tr -s ' ' ' ' </proc/self/timens_offsets; cut -d. -f1 /proc/uptime",
        (spec) => {
          spec.linux.namespaces.push({ type: "time" });
          const timeOffsets = {
            monotonic: { secs: 500, nanosecs: 5 },
            boottime: { secs: 7_000_000, nanosecs: 9 },
          };
          set(spec.linux, { timeOffsets });
        },
      );
      expectOutput(outcome, /^monotonic 500 5\nboottime 7000000 9\n\d+\n$/);
      const host = Number(readFileSync("/proc/uptime", "utf8").split(".")[0]);
      const shifted = Number(outcome.stdout.trim().split("\n").at(-1)) - host;
      expectEqual(shifted > 6_999_000 && shifted < 7_001_000, true, `the uptime is shifted by ${shifted} s`);
    },
  },
];
