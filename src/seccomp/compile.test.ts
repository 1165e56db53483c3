import { describe, expect, test } from "bun:test";
import { BrunError } from "../errors.ts";
import type { Seccomp, SeccompAction, SyscallArg } from "../spec/seccomp.ts";
import { NR, type SyscallName } from "../sys/syscalls.ts";
import { INSTRUCTION_SIZE, MAX_INSTRUCTIONS } from "./bpf.ts";
import { compileSeccomp } from "./compile.ts";
import { TOKEN } from "./enosys.ts";
import { interpret } from "./testing/interpreter.ts";
import { allowList, arg, denyList, rule } from "./testing/profiles.ts";

const NATIVE = process.arch === "arm64" ? 0xc00000b7 : TOKEN.X86_64;
const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const KILL = 0;

/** The answer of the compiled profile to a system call of this machine. */
function answer(seccomp: Seccomp, name: SyscallName | number, ...args: (number | bigint)[]): number {
  const nr = typeof name === "number" ? name : NR[name];
  return interpret(compileSeccomp(seccomp).bpf, { nr, arch: NATIVE, args });
}

describe("actions", () => {
  test.each<[SeccompAction, number | undefined, number]>([
    ["SCMP_ACT_KILL", undefined, 0],
    ["SCMP_ACT_KILL_THREAD", undefined, 0],
    ["SCMP_ACT_KILL_PROCESS", undefined, 0x80000000],
    ["SCMP_ACT_TRAP", undefined, 0x30000],
    ["SCMP_ACT_ERRNO", undefined, EPERM],
    ["SCMP_ACT_ERRNO", 5, 0x50005],
    ["SCMP_ACT_ERRNO", 0, 0x50000],
    ["SCMP_ACT_TRACE", undefined, 0x7ff00001],
    ["SCMP_ACT_TRACE", 7, 0x7ff00007],
    ["SCMP_ACT_LOG", undefined, 0x7ffc0000],
    ["SCMP_ACT_NOTIFY", undefined, 0x7fc00000],
    ["SCMP_ACT_KILL", 5, 0],
  ])("%s with errnoRet %p", (action, errnoRet, value) => {
    const more = errnoRet === undefined ? {} : { errnoRet };
    const profile = denyList(rule("kill", action, more));
    expect(answer(profile, "kill", 1, 9)).toBe(value);
    expect(answer(profile, "read")).toBe(ALLOW);
  });

  test("ALLOW as a rule, and a default with its errno", () => {
    const profile: Seccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 22,
      syscalls: [rule(["read", "openat2"], "SCMP_ACT_ALLOW")],
    };
    expect(answer(profile, "read")).toBe(ALLOW);
    expect(answer(profile, "write")).toBe(0x50016);
  });

  test("a rule with the default's action is passed over", () => {
    expect(answer(denyList(rule("read", "SCMP_ACT_ALLOW"), rule("kill", "SCMP_ACT_ERRNO")), "kill")).toBe(
      EPERM,
    );
  });
});

describe("conditions", () => {
  const big = 0x1234567890abcdefn;
  test.each<[string, SyscallArg, (number | bigint)[], (number | bigint)[]]>([
    ["equal", arg(0, 5), [5], [4, 6, 5n + (1n << 32n)]],
    ["not equal", arg(0, 5, "SCMP_CMP_NE"), [4, 6, 5n + (1n << 32n)], [5]],
    ["less", arg(0, 5, "SCMP_CMP_LT"), [0, 4], [5, 6, 1n << 32n]],
    ["less or equal", arg(0, 5, "SCMP_CMP_LE"), [0, 5], [6, 1n << 40n]],
    ["greater or equal", arg(0, 5, "SCMP_CMP_GE"), [5, 6, 1n << 32n], [0, 4]],
    ["greater", arg(0, 5, "SCMP_CMP_GT"), [6, 1n << 63n], [0, 5]],
    ["masked", arg(0, 0xf0, "SCMP_CMP_MASKED_EQ", 0x30), [0x30, 0xf30, 0x3f], [0x20, 0x70, 0]],
    ["masked with nothing", arg(0, 0x7e020000, "SCMP_CMP_MASKED_EQ"), [0, 0x1200011], [0x10000000]],
    ["64 bits", arg(0, big), [big], [big + 1n, big & 0xffffffffn, big >> 32n]],
    ["all bits", arg(0, 2n ** 64n - 1n), [2n ** 64n - 1n, -1], [0xffffffff]],
    [
      "a mask of the upper half",
      arg(0, 0xffffffff00000000n, "SCMP_CMP_MASKED_EQ", 0x100000000n),
      [0x1_0000_0007n],
      [1, 0x3_0000_0000n],
    ],
  ])("%s", (_, condition, matching, others) => {
    const profile = denyList(rule("kill", "SCMP_ACT_ERRNO", { args: [condition] }));
    for (const value of matching) expect([value, answer(profile, "kill", value)]).toEqual([value, EPERM]);
    for (const value of others) expect([value, answer(profile, "kill", value)]).toEqual([value, ALLOW]);
  });

  test("on several arguments all have to hold", () => {
    const args = [0, 1, 2, 3, 4, 5].map((i) => arg(i, i + 10));
    const profile = denyList(rule("kill", "SCMP_ACT_ERRNO", { args }));
    expect(answer(profile, "kill", 10, 11, 12, 13, 14, 15)).toBe(EPERM);
    for (let i = 0; i < 6; i++) {
      expect(answer(profile, "kill", ...[10, 11, 12, 13, 14, 15].with(i, 99))).toBe(ALLOW);
    }
  });

  test("on one argument twice any has to hold", () => {
    const profile = denyList(rule("kill", "SCMP_ACT_ERRNO", { args: [arg(0, 1), arg(0, 2)] }));
    expect([1, 2, 3].map((value) => answer(profile, "kill", value))).toEqual([EPERM, EPERM, ALLOW]);
  });
});

describe("architectures", () => {
  test.skipIf(process.arch !== "x64")("get the rules, and others are killed", () => {
    const { bpf } = compileSeccomp(denyList(rule("kill", "SCMP_ACT_ERRNO")));
    expect(interpret(bpf, { arch: TOKEN.X86, nr: 37 })).toBe(EPERM);
    expect(interpret(bpf, { arch: TOKEN.X86_64, nr: 62 })).toBe(EPERM);
    expect(interpret(bpf, { arch: TOKEN.X86_64, nr: 0x40000000 + 62 })).toBe(EPERM);
    expect(interpret(bpf, { arch: 0xc00000b7, nr: 129 })).toBe(KILL);
    const only = compileSeccomp({ ...denyList(rule("kill", "SCMP_ACT_ERRNO")), architectures: [] }).bpf;
    expect(interpret(only, { arch: TOKEN.X86_64, nr: 62 })).toBe(EPERM);
    expect(interpret(only, { arch: TOKEN.X86, nr: 37 })).toBe(KILL);
    expect(interpret(only, { arch: TOKEN.X86_64, nr: 0x40000000 + 62 })).toBe(KILL);
  });

  test("may name the same one twice", () => {
    const twice = { ...denyList(), architectures: ["SCMP_ARCH_ARM", "SCMP_ARCH_ARM"] } satisfies Seccomp;
    expect(compileSeccomp(twice).bpf.length).toBeGreaterThan(0);
  });

  test("of another byte order or unknown to libseccomp are errors", () => {
    const profile = denyList();
    expect(() => compileSeccomp({ ...profile, architectures: ["SCMP_ARCH_S390X"] })).toThrow(
      /SCMP_ARCH_S390X has another byte order/,
    );
    const unknown = { ...profile, architectures: ["SCMP_ARCH_VAX"] } as unknown as Seccomp;
    expect(() => compileSeccomp(unknown)).toThrow(/SCMP_ARCH_VAX is not known to libseccomp \d/);
  });
});

describe("names", () => {
  const profile = denyList(rule(["kill", "no_such_call", "waitpid"], "SCMP_ACT_ERRNO"));

  test("that are unknown are passed over and noted", () => {
    const compiled = compileSeccomp(profile);
    expect(compiled.notes).toHaveLength(1);
    expect(compiled.notes[0]).toMatch(
      /^linux\.seccomp\.syscalls\[0\]\.names\[1\]: "no_such_call" is not known to libseccomp \d+\.\d+\.\d+$/,
    );
    expect(compiled.warnings).toEqual([]);
  });

  test("that are unknown are errors when asked for", () => {
    try {
      compileSeccomp(profile, { failUnknown: true });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(BrunError);
      expect(error).toMatchObject({
        where: "linux.seccomp.syscalls[0].names[1]",
        message: expect.stringContaining('knows no system call "no_such_call"'),
      });
    }
  });

  test("with contradicting conditions are errors, as libseccomp has no order for them", () => {
    const args = [arg(0, 1)];
    const both = denyList(rule("kill", "SCMP_ACT_ERRNO", { args }), rule("kill", "SCMP_ACT_KILL", { args }));
    expect(() => compileSeccomp(both)).toThrow(/the rule for kill contradicts an earlier one/);
  });
});

describe("an allow list of some 320 names", () => {
  const { bpf, notes } = compileSeccomp(allowList());

  const ask = (nr: number, ...args: number[]) => interpret(bpf, { nr, arch: NATIVE, args });

  test("fits and says nothing", () => {
    expect(bpf.length / INSTRUCTION_SIZE).toBeLessThan(MAX_INSTRUCTIONS);
    expect(notes).toEqual([]);
  });

  test("allows, denies, and has ENOSYS for what is newer", () => {
    expect(ask(NR.openat)).toBe(ALLOW);
    expect(ask(NR.mount)).toBe(EPERM);
    expect(ask(NR.clone3)).toBe(ENOSYS);
    expect(ask(9999)).toBe(ENOSYS);
  });

  test("looks at arguments", () => {
    expect(ask(NR.socket, 2)).toBe(ALLOW);
    expect(ask(NR.socket, 40)).toBe(EPERM);
    expect(ask(NR.personality, 8)).toBe(ALLOW);
    expect(ask(NR.personality, 9)).toBe(EPERM);
    expect(ask(NR.clone, 0x1200011)).toBe(ALLOW);
    expect(ask(NR.clone, 0x10000000)).toBe(EPERM);
  });
});

test("a filter beyond the kernel's size is an error", () => {
  const many = Array.from({ length: 4200 }, (_, i) => rule("kill", "SCMP_ACT_ERRNO", { args: [arg(0, i)] }));
  const seccomp: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: many };
  expect(() => compileSeccomp(seccomp)).toThrow(/\d+ instructions, and the kernel takes 4096/);
}, 30_000); // libseccomp needs a second or two for so many
