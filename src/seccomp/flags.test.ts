import { describe, expect, test } from "bun:test";
import type { Seccomp } from "../spec/seccomp.ts";
import { FILTER_FLAG, filterFlags } from "./flags.ts";
import { denyList, rule } from "./testing/profiles.ts";

const plain = denyList(rule("mkdir", "SCMP_ACT_ERRNO"));
const notifying = denyList(rule("mkdir", "SCMP_ACT_NOTIFY"));
const flagsOf = (seccomp: Seccomp) => filterFlags(seccomp).flags;

describe("filterFlags", () => {
  test("is SPEC_ALLOW without flags, and nothing with an empty list", () => {
    expect(flagsOf(plain)).toBe(FILTER_FLAG.SPEC_ALLOW);
    expect(flagsOf({ ...plain, flags: [] })).toBe(0);
  });

  test("takes each flag", () => {
    expect(flagsOf({ ...plain, flags: ["SECCOMP_FILTER_FLAG_LOG"] })).toBe(FILTER_FLAG.LOG);
    expect(flagsOf({ ...plain, flags: ["SECCOMP_FILTER_FLAG_TSYNC"] })).toBe(0);
    expect(flagsOf({ ...plain, flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] })).toBe(
      FILTER_FLAG.LOG | FILTER_FLAG.SPEC_ALLOW,
    );
  });

  test("asks for a listener when an action is NOTIFY", () => {
    expect(filterFlags({ ...notifying, flags: [] })).toEqual({
      flags: FILTER_FLAG.NEW_LISTENER,
      notify: true,
      warnings: [],
      notes: [],
    });
    expect(filterFlags(plain).notify).toBe(false);
  });

  test("takes WAIT_KILLABLE_RECV with a listener only", () => {
    const flags: Seccomp["flags"] = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
    const without = filterFlags({ ...plain, flags });
    expect(without.flags).toBe(0);
    expect(without.notes).toEqual([
      "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is ignored: no action is SCMP_ACT_NOTIFY",
    ]);
    const together = filterFlags({ ...notifying, flags });
    const known = together.warnings.length === 0;
    expect(together.flags).toBe(FILTER_FLAG.NEW_LISTENER | (known ? FILTER_FLAG.WAIT_KILLABLE_RECV : 0));
  });

  test("refuses NOTIFY where the listener could not be handed out", () => {
    expect(() => filterFlags({ defaultAction: "SCMP_ACT_NOTIFY" })).toThrow(/cannot be the default action/);
    expect(() => filterFlags(denyList(rule(["read", "sendmsg"], "SCMP_ACT_NOTIFY")))).toThrow(/sendmsg/);
  });
});
