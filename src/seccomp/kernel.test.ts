/** Runs compiled filters in real processes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Seccomp, SeccompAction } from "../spec/seccomp.ts";
import { E } from "../sys/errno.ts";
import { NR } from "../sys/syscalls.ts";
import { compileSeccomp } from "./compile.ts";
import { FILTER_FLAG } from "./flags.ts";
import { allowList, arg, denyList, rule } from "./testing/profiles.ts";

let directory: string;
let probe: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "brun-seccomp-"));
  probe = join(directory, "probe");
  const cc = spawnSync(process.env.CC ?? "cc", ["-O1", "-o", probe, `${import.meta.dir}/testing/probe.c`], {
    encoding: "utf8",
  });
  if (cc.status !== 0) throw new Error(`cannot compile the probe: ${cc.stderr ?? cc.error}`);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Runs the probe under a profile; see testing/probe.c. */
function run(seccomp: Seccomp, mode: "call" | "notify" | "exec", ...args: (string | number | bigint)[]) {
  const { bpf, flags } = compileSeccomp(seccomp);
  const filter = join(directory, "filter.bpf");
  writeFileSync(filter, bpf);
  const result = spawnSync(probe, [filter, String(flags), mode, ...args.map(String)], { encoding: "utf8" });
  return { output: result.stdout.trim(), status: result.status, signal: result.signal as string | null };
}

const call = (seccomp: Seccomp, ...args: (number | bigint)[]) => run(seccomp, "call", ...args).output;
const on = (action: SeccompAction, errnoRet?: number) =>
  denyList(rule("getpriority", action, errnoRet === undefined ? {} : { errnoRet }));

describe("actions", () => {
  test("ERRNO makes the call fail", () => {
    expect(call(on("SCMP_ACT_ERRNO"), NR.getpriority)).toBe(`-1 ${E.EPERM}`);
    expect(call(on("SCMP_ACT_ERRNO", E.EXDEV), NR.getpriority)).toBe(`-1 ${E.EXDEV}`);
  });

  test("ERRNO with 0 makes it succeed without being done", () => {
    expect(call(on("SCMP_ACT_ERRNO", 0), NR.getpriority)).toBe("0 0");
  });

  test("TRAP raises SIGSYS, which can be handled", () => {
    expect(run(on("SCMP_ACT_TRAP"), "call", NR.getpriority)).toEqual({
      output: "SIGSYS",
      status: 3,
      signal: null,
    });
  });

  test.each(["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"] as const)(
    "%s kills",
    (action) => {
      expect(run(on(action), "call", NR.getpriority)).toEqual({ output: "", status: null, signal: "SIGSYS" });
    },
  );

  test("TRACE without a tracer is ENOSYS", () => {
    expect(call(on("SCMP_ACT_TRACE"), NR.getpriority)).toBe(`-1 ${E.ENOSYS}`);
  });

  test("LOG and ALLOW let the call through", () => {
    const free = call(denyList(), NR.getpriority);
    expect(free).toMatch(/^\d+ 0$/);
    expect(call(on("SCMP_ACT_LOG"), NR.getpriority)).toBe(free);
  });

  test("NOTIFY asks the listener", () => {
    expect(run(on("SCMP_ACT_NOTIFY"), "notify", NR.getpriority)).toEqual({
      output: "-1 77",
      status: 0,
      signal: null,
    });
  });
});

describe("flags", () => {
  test.each([
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
  ] as const)("%s is taken", (flag) => {
    expect(call({ ...on("SCMP_ACT_ERRNO"), flags: [flag] }, NR.getpriority)).toBe(`-1 ${E.EPERM}`);
  });

  test("WAIT_KILLABLE_RECV is taken with a listener, where the kernel has it", () => {
    const profile: Seccomp = { ...on("SCMP_ACT_NOTIFY"), flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] };
    expect(compileSeccomp(profile).flags & FILTER_FLAG.NEW_LISTENER).not.toBe(0);
    expect(run(profile, "notify", NR.getpriority).output).toBe("-1 77");
  });
});

test("conditions see all 64 bits of an argument", () => {
  const args = [arg(1, 0x100000005n)];
  const profile = denyList(rule("getpriority", "SCMP_ACT_ERRNO", { errnoRet: E.EXDEV, args }));
  expect(call(profile, NR.getpriority, 0, 0x100000005n)).toBe(`-1 ${E.EXDEV}`);
  expect(call(profile, NR.getpriority, 0, 5)).not.toBe(`-1 ${E.EXDEV}`);
});

describe("an allow list", () => {
  test("runs an ordinary program", () => {
    const result = run(allowList(), "exec", "/bin/sh", "-c", "ls / | wc -l; exit 7");
    expect(result.status).toBe(7);
    expect(Number(result.output)).toBeGreaterThan(3);
  });

  test("denies what it does not name, and knows nothing of what is newer", () => {
    expect(call(allowList(), NR.unshare, 0)).toBe(`-1 ${E.EPERM}`);
    expect(call(allowList(), 1000)).toBe(`-1 ${E.ENOSYS}`);
    expect(call(allowList(), NR.clone3)).toBe(`-1 ${E.ENOSYS}`);
  });

  test("that kills by default has ENOSYS for what is newer, too", () => {
    const profile: Seccomp = { ...allowList(), defaultAction: "SCMP_ACT_KILL_PROCESS" };
    expect(call(profile, 1000)).toBe(`-1 ${E.ENOSYS}`);
    expect(run(profile, "call", NR.unshare, 0).signal).toBe("SIGSYS");
  });

  test.skipIf(process.arch !== "x64")("holds for x32 numbers as well", () => {
    const x32 = 0x40000000;
    expect(call(allowList(), x32 + NR.unshare, 0)).toBe(`-1 ${E.EPERM}`);
    expect(call(allowList(), x32 + 1000)).toBe(`-1 ${E.ENOSYS}`);
  });
});
