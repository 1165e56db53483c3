import { expect, test } from "bun:test";
import type { Seccomp } from "../../spec/seccomp.ts";
import { syscallNames, syscallOf } from "./names.ts";
import { recordedProfile, recordingFilter, UNRECORDED } from "./profile.ts";

const base: Seccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38,
  syscalls: [
    { names: ["read", "write", "sendmsg", "kill"], action: "SCMP_ACT_ALLOW" },
    { names: ["clone"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
  ],
};

test("an agent is asked for what the filter allows, but for sendmsg", () => {
  const { syscalls, flags, ...others } = recordingFilter(base, "/a", { names: () => [], has: () => true });
  expect(others).toEqual({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38, listenerPath: "/a" });
  expect(flags).toContain("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  expect(syscalls).toEqual([
    { names: ["read", "write", "kill"], action: "SCMP_ACT_NOTIFY" },
    { ...base.syscalls![1]!, action: "SCMP_ACT_NOTIFY" },
    base.syscalls![2]!,
    { names: ["sendmsg"], action: "SCMP_ACT_ALLOW" },
  ]);
});

test("an agent that hears of some calls leaves the others as they are", () => {
  const heard = { names: () => ["execve"], has: (name: string) => name === "execve" || name === "write" };
  expect(recordingFilter(base, "/a", heard).syscalls).toEqual([
    { names: ["write"], action: "SCMP_ACT_NOTIFY" },
    { names: ["read", "kill"], action: "SCMP_ACT_ALLOW" },
    ...base.syscalls!.slice(1),
    { names: ["sendmsg"], action: "SCMP_ACT_ALLOW" },
  ]);
  expect(recordingFilter(null, "/a", heard).syscalls).toEqual([
    { names: ["execve"], action: "SCMP_ACT_NOTIFY" },
  ]);
});

test("the profile is the filter with the names that were seen", () => {
  expect(recordedProfile(base, new Set(["read", "clone3"]))).toEqual({
    ...base,
    syscalls: [{ names: ["read", "sendmsg", "kill"], action: "SCMP_ACT_ALLOW" }, base.syscalls![2]!],
  });
  expect(recordedProfile(null, new Set(["read"]))).toEqual({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    syscalls: [{ names: [...UNRECORDED, "read"].sort(), action: "SCMP_ACT_ALLOW" }],
  });
});

test("filters that cannot be recorded are refused", () => {
  const refused = (filter: Seccomp) => () =>
    recordingFilter(filter, "/a", { names: syscallNames, has: () => true });
  const deny = (names: string[], args?: object[]) =>
    ({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names, action: "SCMP_ACT_ERRNO", ...(args && { args }) }],
    }) as Seccomp;
  expect(refused(deny(["sendmsg"]))).toThrow("it refuses sendmsg");
  expect(refused({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [] })).toThrow("it refuses sendmsg");
  expect(refused(deny(["socket"], [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }]))).toThrow(
    "has conditions for socket",
  );
});

test("names are those of the machine and of its 32-bit relatives", () => {
  const names = syscallNames();
  expect(names).toContain("openat2");
  expect(names).toContain("sendmsg");
  expect(names.length).toBeGreaterThan(350);
  if (process.arch === "x64") {
    expect([
      syscallOf(0xc000003e, 0),
      syscallOf(0x40000003, 1),
      syscallOf(0xc000003e, 0x40000000 + 1),
    ]).toEqual(["read", "exit", "write"]);
    expect(names).toContain("chown32");
  }
  expect(syscallOf(0xc000003e, 100000)).toBeNull();
});
