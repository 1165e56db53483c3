import { expect, test } from "bun:test";
import type { Syscall } from "../spec/seccomp.ts";
import { conflicts } from "./conflicts.ts";
import { arg, rule } from "./testing/profiles.ts";

const notes = (...syscalls: Syscall[]) => conflicts({ defaultAction: "SCMP_ACT_KILL", syscalls });
const allow = rule("kill", "SCMP_ACT_ALLOW");
const deny = rule("kill", "SCMP_ACT_ERRNO");
const denyOne = rule("kill", "SCMP_ACT_ERRNO", { args: [arg(0, 1)] });

test("of two rules without conditions the second has no effect", () => {
  expect(notes(allow, deny)).toEqual([
    "linux.seccomp.syscalls[1]: SCMP_ACT_ERRNO for kill has no effect: linux.seccomp.syscalls[0] has another action for it without conditions",
  ]);
});

test("a rule with conditions has no effect beside one without, in either order", () => {
  expect(notes(allow, denyOne)).toHaveLength(1);
  expect(notes(denyOne, allow)[0]).toStartWith(
    "linux.seccomp.syscalls[0]: SCMP_ACT_ERRNO for kill with conditions",
  );
});

test("nothing is said of rules that agree, that exclude each other or that change nothing", () => {
  expect(notes(allow, allow)).toEqual([]);
  expect(notes(denyOne, rule("kill", "SCMP_ACT_ALLOW", { args: [arg(0, 2)] }))).toEqual([]);
  expect(notes(rule("kill", "SCMP_ACT_KILL"), deny)).toEqual([]);
  expect(notes(allow, rule("read", "SCMP_ACT_ERRNO"))).toEqual([]);
});
