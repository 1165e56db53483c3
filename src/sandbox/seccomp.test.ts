import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { seccompDoc } from "../../scripts/seccomp-doc.ts";
import { DEFAULT_CAPABILITIES } from "./capabilities.ts";
import { callsOf, defaultSeccomp, familyBlocks } from "./seccomp.ts";
import { ALLOWED, NESTING, WITH_CAPABILITY } from "./seccomp-table.ts";

const allowed = (bounding: readonly string[], nesting = false) =>
  new Set(
    defaultSeccomp(bounding, nesting)
      .syscalls?.filter(({ action, args }) => action === "SCMP_ACT_ALLOW" && args === undefined)
      .flatMap(({ names }) => names),
  );

test("docs/seccomp.md is made from the table", () => {
  expect(readFileSync(`${import.meta.dir}/../../docs/seccomp.md`, "utf8")).toBe(seccompDoc());
});

test("names are names, and none is in two groups of those for everyone", () => {
  const names = ALLOWED.flatMap(({ calls }) => callsOf(calls));
  expect(names.filter((name) => !/^_?[a-z][a-z0-9_]+$/.test(name))).toEqual([]);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test("what reaches past a container is not allowed by default", () => {
  const names = allowed(DEFAULT_CAPABILITIES);
  for (const name of [
    ...[
      "mount",
      "umount2",
      "unshare",
      "setns",
      "bpf",
      "keyctl",
      "add_key",
      "request_key",
      "init_module",
      "kexec_load",
    ],
    ...[
      "io_uring_setup",
      "userfaultfd",
      "perf_event_open",
      "reboot",
      "swapon",
      "open_by_handle_at",
      "iopl",
      "acct",
    ],
    ...["clone", "clone3", "personality", "socket", "settimeofday", "move_mount", "fsopen", "pivot_root"],
  ]) {
    expect([name, names.has(name)]).toEqual([name, false]);
  }
  expect(names.has("chroot")).toBe(true);
});

test("a capability brings its calls", () => {
  for (const { capability, calls } of WITH_CAPABILITY) {
    const names = allowed([capability]);
    for (const name of callsOf(calls)) expect(names.has(name)).toBe(true);
  }
  const rules = defaultSeccomp(["CAP_SYS_ADMIN"], false).syscalls!;
  expect(rules.some(({ names, action }) => names.includes("clone3") && action === "SCMP_ACT_ERRNO")).toBe(
    false,
  );
});

test("--allow-nesting brings namespaces and mounts, and nothing else", () => {
  const [without, nesting] = [allowed(DEFAULT_CAPABILITIES), allowed(DEFAULT_CAPABILITIES, true)];
  expect([...nesting].filter((name) => !without.has(name)).sort()).toEqual(callsOf(NESTING.calls).sort());
  const keyctl = defaultSeccomp([], true).syscalls!.find(({ names }) => names.includes("keyctl"));
  expect(keyctl).toMatchObject({ action: "SCMP_ACT_ERRNO", errnoRet: 38 });
});

test("blocks of address families hold all but the refused ones, whatever is in the upper half", () => {
  const refused = [33, 38, 40];
  const blocks = familyBlocks(refused);
  const allows = (family: bigint) =>
    blocks.some(([value, mask]) => (family & BigInt(mask)) === BigInt(value));
  for (let family = 0; family < 64; family++) {
    for (const upper of [0n, 1n << 32n, 0xffffffffn << 32n])
      expect([family, allows(BigInt(family) | upper)]).toEqual([family, !refused.includes(family)]);
  }
  expect(allows(0xffffffffn)).toBe(false);
  expect(familyBlocks([])).toEqual([[0, 0xffffffc0]]);
});
