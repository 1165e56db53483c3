/** Fields of `process`. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Sandbox } from "../support/sandbox.ts";
import { FdReceiver } from "../support/sockets.ts";
import { capabilitySets, mapManyIds, type TestSpec } from "../support/spec.ts";
import { Master, shows } from "../support/terminal.ts";
import { type Case, expectOutput, inside, refused, set, under } from "./case.ts";
import { enabledModule } from "./machine.ts";

const OLD = { "crun 1.8": "is older than the field", "runc 1.1": "is older than the field" };

/** A new cgroup of v1 has no real-time budget (CONFIG_RT_GROUP_SCHED). */
const NO_RT = ["--cgroup-manager=disabled"];

/** For a user: 65,536 ids. Root has all without. */
function manyIds(spec: TestSpec, box: Sandbox): void {
  if (box.subject.caller.name === "user") mapManyIds(spec, box.subject.caller);
}

const terminal: Case = {
  name: "a terminal of the given size is stdio",
  fields: ["process.terminal", ...under("process.consoleSize", "height width")],
  run: async (box) => {
    const path = `${box.dir}/console`;
    using receiver = new FdReceiver(path);
    const bundle = box.bundle((spec) => {
      spec.process.terminal = true;
      spec.process.consoleSize = { height: 33, width: 111 };
      spec.process.args = ["/bin/sh", "-c", "test -t 0 && test -t 1 && tty && stty size; read line"];
    });
    await box.ok(["run", "--detach", "--bundle", bundle, "--console-socket", path, box.name()]);
    using master = new Master(await receiver.receive());
    await shows(master, /\/dev\/(pts\/0|console)\r\n33 111\r\n/);
    master.write("\n");
  },
};

const affinity: Case = {
  name: "exec runs on the final CPUs, the container's first process on all",
  fields: under("process.execCPUAffinity", "initial final"),
  lacks: () => (cpus().length < 2 ? "one CPU" : undefined),
  differs: { ...OLD, crun: "for exec with --process alone" },
  run: async (box) => {
    const last = `${cpus().length - 1}`;
    const list = "grep Cpus_allowed_list /proc/self/status | cut -f2";
    const id = await box.detached((spec) => {
      spec.process.args = ["/bin/sh", "-c", `${list} >/cpus; exec sleep 1000`];
      set(spec.process, { execCPUAffinity: { initial: "0", final: last } });
    });
    expectOutput(await box.exec(id, list), `${last}\n`);
    const own = readFileSync("/proc/self/status", "utf8").match(/Cpus_allowed_list:\t(.*\n)/)![1]!;
    expectOutput(await box.exec(id, "cat /cpus"), own);
  },
};

/** A scheduler, and what stat(5) says: real-time priority and policy, of the shell and of what it forks. */
function scheduler(
  name: string,
  fields: string,
  value: object,
  expected: string,
  more: Pick<Case, "only"> = {},
): Case {
  return inside(
    name,
    under("process.scheduler", fields),
    (spec) => set(spec.process, { scheduler: value }),
    "awk '{print $40, $41}' /proc/$$/stat; awk '{print $40, $41}' /proc/self/stat; true",
    expected,
    {
      ...more,
      globals: more.only === "root" ? NO_RT : [],
      differs: { ...OLD, runc: "beside cgroup v1 its new cgroup has no real-time budget" },
    },
  );
}

/** Without the security module a label is refused, with it taken. */
function label(field: "apparmorProfile" | "selinuxLabel", module: string, value: string): Case {
  const name = `${field} without ${module} is refused`;
  return refused(name, [`process.${field}`], (spec) => set(spec.process, { [field]: value }), {
    lacks: () => (enabledModule(module) ? `${module} is enabled: see test/vm` : undefined),
    differs: { "crun 1.27": "ignores it where the kernel has no AppArmor" },
  });
}

const CAPS = `grep '^Cap' /proc/self/status | sed 's/\\t0*/ /'`;

export const processCases: readonly Case[] = [
  terminal,
  inside(
    "arguments, environment and working directory",
    ["process.args[]", "process.env[]", "process.cwd"],
    (spec) => {
      spec.process.args = ["/bin/sh", "-c", 'echo "$0|$1|$FOO"; pwd', "zero", "one two"];
      spec.process.env.push("FOO=a=b c");
      spec.process.cwd = "/tmp";
    },
    "",
    "zero|one two|a=b c\n/tmp\n",
  ),
  inside(
    "a working directory that is not there is made",
    ["process.cwd"],
    (spec) => {
      spec.process.cwd = "/tmp/not/there";
    },
    "pwd",
    "/tmp/not/there\n",
  ),
  ...[true, false].map((value) =>
    inside(
      `noNewPrivileges ${value}`,
      ["process.noNewPrivileges"],
      (spec) => {
        spec.process.noNewPrivileges = value;
      },
      "grep NoNewPrivs /proc/self/status",
      `NoNewPrivs:\t${Number(value)}\n`,
    ),
  ),
  inside(
    "user and group ids",
    under("process.user", "uid gid"),
    (spec, box) => {
      manyIds(spec, box);
      spec.process.user = { uid: 1000, gid: 50 };
    },
    "id -u; id -g; id -G",
    /^1000\n50\n50\n$/,
    {
      differs: {
        runc: "as a user it leaves the groups as they are, also where the map would let it set them",
      },
    },
  ),
  inside(
    "supplementary groups",
    ["process.user.additionalGids[]"],
    (spec, box) => {
      manyIds(spec, box);
      spec.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 1007] };
    },
    "id -G",
    "1000 5 1007\n",
    { differs: { runc: "as a user it refuses groups, also where they are mapped" } },
  ),
  inside(
    "umask",
    ["process.user.umask"],
    (spec) => {
      spec.process.user.umask = 0o27;
    },
    "umask; touch /tmp/new; stat -c %a /tmp/new",
    /^0?027\n640\n$/,
  ),
  inside(
    "what is for Windows has no effect",
    ["process.user.username", "process.commandLine"],
    (spec) => {
      set(spec.process.user, { username: "alice" });
      set(spec.process, { commandLine: "echo windows" });
    },
    "id -u; echo linux",
    "0\nlinux\n",
  ),
  inside(
    "the five sets of capabilities",
    under("process.capabilities", "bounding[] effective[] inheritable[] permitted[] ambient[]"),
    (spec, box) => {
      manyIds(spec, box);
      spec.process.user = { uid: 1000, gid: 1000 };
      spec.process.capabilities = {
        bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
        permitted: ["CAP_KILL", "CAP_CHOWN"],
        effective: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      };
    },
    CAPS,
    // execve by a user who is not root keeps the ambient ones.
    "CapInh: 20\nCapPrm: 20\nCapEff: 20\nCapBnd: 20a1\nCapAmb: 20\n",
  ),
  inside(
    "without capabilities root has none",
    under("process.capabilities", "bounding[] effective[] permitted[]"),
    (spec) => {
      spec.process.capabilities = capabilitySets([]);
    },
    CAPS,
    "CapInh: 0\nCapPrm: 0\nCapEff: 0\nCapBnd: 0\nCapAmb: 0\n".replaceAll(" 0", " "),
  ),
  inside(
    "resource limits",
    under("process.rlimits[]", "type soft hard"),
    (spec) => {
      spec.process.rlimits = [
        { type: "RLIMIT_NOFILE", soft: 77, hard: 88 },
        { type: "RLIMIT_CORE", soft: 0, hard: 512 },
      ];
    },
    "ulimit -Sn; ulimit -Hn; grep core /proc/self/limits | awk '{print $5, $6}'",
    "77\n88\n0 512\n",
  ),
  inside(
    "oomScoreAdj",
    ["process.oomScoreAdj"],
    (spec) => {
      spec.process.oomScoreAdj = 777;
    },
    "cat /proc/self/oom_score_adj",
    "777\n",
  ),
  inside(
    "SCHED_BATCH with a nice value",
    under("process.scheduler", "policy nice"),
    (spec) => set(spec.process, { scheduler: { policy: "SCHED_BATCH", nice: 17 } }),
    "awk '{print $19, $40, $41}' /proc/self/stat",
    "17 0 3\n",
    { differs: OLD },
  ),
  scheduler("SCHED_IDLE", "policy", { policy: "SCHED_IDLE" }, "0 5\n0 5\n"),
  scheduler(
    "SCHED_RR with a priority",
    "policy priority",
    { policy: "SCHED_RR", priority: 3 },
    "3 2\n3 2\n",
    {
      only: "root",
    },
  ),
  scheduler(
    "SCHED_DEADLINE, which a child does not get with RESET_ON_FORK",
    "policy flags[] runtime deadline period",
    {
      policy: "SCHED_DEADLINE",
      runtime: 10e6,
      deadline: 20e6,
      period: 100e6,
      flags: ["SCHED_FLAG_RESET_ON_FORK"],
    },
    "0 6\n0 0\n",
    { only: "root" },
  ),
  inside(
    "ioPriority",
    under("process.ioPriority", "class priority"),
    (spec) => set(spec.process, { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 } }),
    "ionice",
    /^best-effort: prio 6\s*$/,
    { differs: OLD },
  ),
  affinity,
  label("apparmorProfile", "AppArmor", "docker-default"),
  label("selinuxLabel", "SELinux", "system_u:system_r:container_t:s0"),
];
