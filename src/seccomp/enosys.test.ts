import { describe, expect, test } from "bun:test";
import { encode, type Instruction, statement } from "./bpf.ts";
import { enosysStub, lastSyscall, TOKEN, wantsEnosys } from "./enosys.ts";
import { disassemble } from "./testing/disassemble.ts";
import { interpret } from "./testing/interpreter.ts";

const X32 = 0x40000000;
const ENOSYS = 0x50026;
const FILTER = 0x1234; // the result of the filter behind the stub

function ask(stub: readonly Instruction[], arch: number, nr: number): number {
  return interpret(encode([...stub, statement(0x06, FILTER)]), { arch, nr });
}

describe("enosysStub", () => {
  test("reads as expected for x86-64 and its 32-bit ABIs", () => {
    const lasts = new Map([
      [TOKEN.X86_64, 0x1b6],
      [TOKEN.X86, 0x1b0],
      [TOKEN.X32, X32 + 0x220],
    ]);
    expect(disassemble(encode(enosysStub(lasts)))).toEqual([
      "0: load arch",
      "1: if a == 0xc000003e goto 2 else 10",
      "2: load nr",
      "3: if a >= 0x40000000 goto 6 else 4",
      "4: if a > 0x1b6 goto 5 else 6",
      "5: return 0x50026",
      "6: if a >= 0x40000000 goto 7 else 9",
      "7: if a > 0x40000220 goto 8 else 9",
      "8: return 0x50026",
      "9: goto 15",
      "10: if a == 0x40000003 goto 11 else 15",
      "11: load nr",
      "12: if a > 0x1b0 goto 13 else 14",
      "13: return 0x50026",
      "14: goto 15",
    ]);
  });

  test.each([
    ["x86-64, the last one named", TOKEN.X86_64, 400, FILTER],
    ["x86-64, one beyond", TOKEN.X86_64, 401, ENOSYS],
    ["x86-64, a low one", TOKEN.X86_64, 0, FILTER],
    ["x32, the last one named", TOKEN.X86_64, X32 + 500, FILTER],
    ["x32, one beyond", TOKEN.X86_64, X32 + 501, ENOSYS],
    ["x32, one that is below its first", TOKEN.X86_64, X32, FILTER],
    ["-1, which tracers use to skip a call", TOKEN.X86_64, -1, ENOSYS],
    ["x86, one beyond", TOKEN.X86, 301, ENOSYS],
    ["x86, the last one named", TOKEN.X86, 300, FILTER],
    ["an architecture that has no section", 0xc00000b7, 9999, FILTER],
  ])("%s", (_, arch, nr, expected) => {
    const lasts = new Map([
      [TOKEN.X32, X32 + 500],
      [TOKEN.X86_64, 400],
      [TOKEN.X86, 300],
    ]);
    expect(ask(enosysStub(lasts), arch, nr)).toBe(expected);
  });

  test("leaves x32 to the filter when the profile has only x86-64", () => {
    const stub = enosysStub(new Map([[TOKEN.X86_64, 400]]));
    expect(ask(stub, TOKEN.X86_64, X32 + 9999)).toBe(FILTER);
    expect(ask(stub, TOKEN.X86_64, 9999)).toBe(ENOSYS);
  });

  test("leaves arm's private system calls to the filter", () => {
    const stub = enosysStub(new Map([[TOKEN.ARM, 440]]));
    expect(ask(stub, TOKEN.ARM, 0x0f0005)).toBe(FILTER);
    expect(ask(stub, TOKEN.ARM, 441)).toBe(ENOSYS);
  });

  test("of no architecture lets everything through", () => {
    expect(ask(enosysStub(new Map()), TOKEN.X86_64, 9999)).toBe(FILTER);
  });
});

test("lastSyscall takes the highest number of the ABI", () => {
  expect(lastSyscall(TOKEN.X86_64, [5, 400, -1, -10081, 12])).toBe(400);
  expect(lastSyscall(TOKEN.X32, [X32 + 3, -1, X32 + 200])).toBe(X32 + 200);
  expect(lastSyscall(TOKEN.ARM, [400, 0x0f0005])).toBe(400);
  expect(lastSyscall(TOKEN.X86, [-1, -10001])).toBeNull();
  expect(lastSyscall(TOKEN.X86, [0])).toBe(0);
});

test("wantsEnosys", () => {
  for (const defaultAction of ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"] as const) {
    expect(wantsEnosys({ defaultAction })).toBe(false);
  }
  for (const defaultAction of ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"] as const) {
    expect(wantsEnosys({ defaultAction })).toBe(true);
  }
  expect(wantsEnosys({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 })).toBe(false);
});
