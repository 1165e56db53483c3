import { expect, test } from "bun:test";
import type { Seccomp } from "../spec/index.ts";
import { DEFAULT_CAPABILITIES } from "./capabilities.ts";
import { withFakeRoot } from "./fake-root.ts";
import { defaultSeccomp } from "./seccomp.ts";

const rulesFor = ({ syscalls = [] }: Seccomp, name: string) =>
  syscalls.filter(({ names }) => names.includes(name));

test("there is one rule for each call that is faked, whatever the filter says about it", () => {
  for (const filter of [
    null,
    defaultSeccomp(DEFAULT_CAPABILITIES, false),
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["chown"], action: "SCMP_ACT_KILL" }] } as Seccomp,
  ]) {
    const faked = withFakeRoot(filter);
    for (const name of ["chown", "fchownat", "setresuid", "setgroups"]) {
      expect(rulesFor(faked, name)).toMatchObject([{ action: "SCMP_ACT_ERRNO", errnoRet: 0 }]);
    }
  }
});

test("mknod is faked for devices, and has the filter's own action for other nodes", () => {
  const rules = rulesFor(withFakeRoot(defaultSeccomp([], false)), "mknodat");
  const action = (mode: number) =>
    rules
      .filter(({ args }) =>
        args!.every(({ index, valueTwo }) => index === 2 && (mode & 0o170000) === valueTwo),
      )
      .map((rule) => `${rule.action} ${rule.errnoRet}`);
  expect(action(0o020644)).toEqual(["SCMP_ACT_ERRNO 0"]);
  expect(action(0o060644)).toEqual(["SCMP_ACT_ERRNO 0"]);
  for (const mode of [0o100644, 0o644, 0o010644, 0o140644])
    expect(action(mode)).toEqual(["SCMP_ACT_ALLOW undefined"]);
});

test("everything else of a filter stays as it is", () => {
  const filter = defaultSeccomp(DEFAULT_CAPABILITIES, true);
  const { syscalls, ...others } = withFakeRoot(filter);
  const { syscalls: before, ...same } = filter;
  expect(others).toEqual(same);
  const names = (rules: Seccomp["syscalls"]) => new Set(rules!.flatMap((rule) => rule.names));
  expect(names(syscalls)).toEqual(names(before));
});
