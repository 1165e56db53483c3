import { cases } from "../testing/cases.ts";
import { fullSpec } from "../testing/full.ts";

const allow = { defaultAction: "SCMP_ACT_ALLOW" } as const;

cases("seccomp", [
  [
    "good",
    (s) => {
      s.linux.seccomp = { ...fullSpec().linux.seccomp! };
    },
  ],
  [
    "errno of an action without",
    (s) => {
      s.linux.seccomp = { ...allow, defaultErrnoRet: 1 };
    },
    "! linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW takes no errno",
  ],
  [
    "errno of a rule without",
    (s) => {
      s.linux.seccomp = { ...allow, syscalls: [{ names: ["a"], action: "SCMP_ACT_LOG", errnoRet: 1 }] };
    },
    "! linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_LOG takes no errno",
  ],
  [
    "nothing allowed",
    (s) => {
      s.linux.seccomp = {
        defaultAction: "SCMP_ACT_ERRNO",
        syscalls: [{ names: ["exit"], action: "SCMP_ACT_ALLOW" }],
      };
    },
    "! linux.seccomp.syscalls: no program starts without a rule that allows execve",
  ],
  [
    "execve allowed",
    (s) => {
      s.linux.seccomp = {
        defaultAction: "SCMP_ACT_KILL",
        syscalls: [{ names: ["execve"], action: "SCMP_ACT_ALLOW" }],
      };
    },
  ],
  [
    "no names",
    (s) => {
      s.linux.seccomp = { ...allow, syscalls: [{ names: [], action: "SCMP_ACT_LOG" }] };
    },
    "! linux.seccomp.syscalls[0].names: expected at least one name but found an empty list",
  ],
  [
    "notify without a listener",
    (s) => {
      s.linux.seccomp = { ...allow, syscalls: [{ names: ["a"], action: "SCMP_ACT_NOTIFY" }] };
    },
    "! linux.seccomp.listenerPath: missing, SCMP_ACT_NOTIFY needs it",
  ],
  [
    "metadata without a listener",
    (s) => {
      s.linux.seccomp = { ...allow, listenerMetadata: "x" };
    },
    "! linux.seccomp.listenerMetadata: needs listenerPath",
  ],
]);
