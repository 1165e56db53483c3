import { cases } from "../testing/cases.ts";

cases("process", [
  [
    "ambient capabilities that cannot be raised, as engines write them",
    (s) => {
      s.process.capabilities = { permitted: ["CAP_KILL"], ambient: ["CAP_KILL", "CAP_CHOWN"] };
    },
    "~ process.capabilities.ambient: can't raise ambient capability CAP_KILL, CAP_CHOWN: not in the inheritable set",
    "~ process.capabilities.ambient: can't raise ambient capability CAP_CHOWN: not in the permitted set",
  ],
  [
    "args missing",
    (s) => {
      s.process.args = undefined;
    },
    "! process.args: expected at least one string, the program to run, but found nothing",
  ],
  [
    "args empty",
    (s) => {
      s.process.args = [];
    },
    "! process.args: expected at least one string, the program to run, but found an empty list",
  ],
  [
    "cwd relative",
    (s) => {
      s.process.cwd = "tmp";
    },
    '! process.cwd: expected an absolute path but found "tmp"',
  ],
  [
    "cwd empty",
    (s) => {
      s.process.cwd = "";
    },
    '! process.cwd: expected an absolute path but found ""',
  ],
  [
    "env without =",
    (s) => {
      s.process.env = ["A=", "B"];
    },
    '! process.env[1]: expected NAME=value but found "B"',
  ],
  [
    "env without a name",
    (s) => {
      s.process.env = ["=secret"];
    },
    "! process.env[0]: expected NAME=value but found an empty name",
  ],
  [
    "unknown capabilities",
    (s) => {
      s.process.capabilities = { bounding: ["CAP_X", "CAP_KILL"], effective: ["CAP_X", "kill"] };
    },
    "process.capabilities: unknown names are ignored: CAP_X, kill",
  ],
  [
    "rlimit twice",
    (s) => {
      s.process.rlimits!.push(s.process.rlimits![0]!);
    },
    "! process.rlimits[1].type: RLIMIT_NOFILE is listed twice",
  ],
  [
    "rlimit soft above hard",
    (s) => {
      s.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2n ** 64n - 1n, hard: 5 }];
    },
    "! process.rlimits[0].soft: expected at most the hard limit 5 but found 18446744073709551615",
  ],
  [
    "nice",
    (s) => {
      s.process.scheduler = { policy: "SCHED_BATCH", nice: 20 };
    },
    "! process.scheduler.nice: expected -20 to 19 but found 20",
  ],
  [
    "nice of a real-time policy",
    (s) => {
      s.process.scheduler = { policy: "SCHED_FIFO", nice: 20, priority: 1 };
    },
  ],
  [
    "priority",
    (s) => {
      s.process.scheduler = { policy: "SCHED_OTHER", priority: 1 };
    },
    "! process.scheduler.priority: needs the policy SCHED_FIFO or SCHED_RR, not SCHED_OTHER",
  ],
  [
    "deadline",
    (s) => {
      s.process.scheduler = { policy: "SCHED_RR", priority: 1, period: 1 };
    },
    "! process.scheduler.period: needs the policy SCHED_DEADLINE, not SCHED_RR",
  ],
  [
    "priority of a real-time policy",
    (s) => {
      s.process.scheduler = { policy: "SCHED_FIFO", priority: 100 };
    },
    "! process.scheduler.priority: expected 1 to 99 but found 100",
  ],
  [
    "parameters that are kept",
    (s) => {
      s.process.scheduler = { policy: "SCHED_FIFO", flags: ["SCHED_FLAG_KEEP_PARAMS"] };
    },
  ],
  [
    "runtime and period of SCHED_DEADLINE",
    (s) => {
      s.process.scheduler = { policy: "SCHED_DEADLINE", runtime: 1000, deadline: 5000n, period: 4000 };
    },
    "! process.scheduler.runtime: expected at least 1024 nanoseconds but found 1000",
    "! process.scheduler.period: expected at least the deadline 5000 but found 4000",
  ],
  [
    "deadline of SCHED_DEADLINE",
    (s) => {
      s.process.scheduler = { policy: "SCHED_DEADLINE", runtime: 5000 };
    },
    "! process.scheduler.deadline: expected at least the runtime 5000 but found 0",
  ],
  [
    "affinity",
    (s) => {
      s.process.execCPUAffinity = { initial: "0-", final: "" };
    },
    '! process.execCPUAffinity.initial: expected CPUs such as "0-3,7" but found "0-"',
  ],
  [
    "for Windows",
    (s) => {
      s.process.commandLine = "x";
      s.process.user.username = "u";
    },
    "~ process.commandLine: ignored, it is for Windows",
    "~ process.user.username: ignored, it is for Windows; uid counts",
  ],
]);
