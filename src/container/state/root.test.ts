import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { errorLine } from "../../errors.ts";
import {
  type CallerIdentity,
  defaultRoot,
  givenRoot,
  inUserNamespace,
  isRootless,
  useDefaultRoot,
} from "./root.ts";

const INITIAL = "         0          0 4294967295\n";
const NESTED = "         0       1000          1\n         1     100000      65536\n";

const caller = (euid: number, env: Record<string, string>, uidMap = INITIAL): CallerIdentity => ({
  euid,
  env,
  uidMap: () => uidMap,
  usable: (runtimeDir) => runtimeDir !== "/gone",
});

test("a user namespace is known by its uid_map", () => {
  expect(inUserNamespace(INITIAL)).toBe(false);
  expect(inUserNamespace(NESTED)).toBe(true);
  expect(inUserNamespace("0 0 1000\n")).toBe(true);
  expect(inUserNamespace("")).toBe(false);
});

test("rootless: not root, or root in a user namespace only", () => {
  expect(isRootless(caller(1000, {}))).toBe(true);
  expect(isRootless(caller(0, {}))).toBe(false);
  expect(isRootless(caller(0, {}, NESTED))).toBe(true);
});

test.each([
  [caller(0, { XDG_RUNTIME_DIR: "/run/user/0" }), "/run/brun"],
  [caller(1000, { XDG_RUNTIME_DIR: "/run/user/1000" }), "/run/user/1000/brun"],
  [caller(1000, { XDG_RUNTIME_DIR: "/run/user/1000/" }), "/run/user/1000/brun"],
  [caller(1000, { XDG_RUNTIME_DIR: "" }), "/tmp/brun-1000"],
  [caller(1000, { XDG_RUNTIME_DIR: "relative" }), "/tmp/brun-1000"],
  [caller(1000, {}), "/tmp/brun-1000"],
  [caller(1000, { XDG_RUNTIME_DIR: "/gone" }), "/tmp/brun-1000"],
  [caller(0, { XDG_RUNTIME_DIR: "/run/user/1000", USER: "alice" }, NESTED), "/run/user/1000/brun"],
  [caller(0, { XDG_RUNTIME_DIR: "/run/user/1000" }, NESTED), "/run/user/1000/brun"],
  [caller(0, { XDG_RUNTIME_DIR: "/run/user/1000", USER: "root" }, NESTED), "/run/brun"],
  [caller(0, { USER: "alice" }, NESTED), "/tmp/brun-1000"],
  [
    { ...caller(0, { USER: "root" }, NESTED), usable: (directory: string) => directory !== "/run" },
    "/tmp/brun-1000",
  ],
  [{ ...caller(1000, {}), usable: (directory: string) => directory === "/dev/shm" }, "/dev/shm/brun-1000"],
  // Which an error names then.
  [{ ...caller(1000, {}), usable: () => false }, "/tmp/brun-1000"],
])("default directory %#", (who, path) => {
  expect(defaultRoot(who).path).toBe(path);
});

test("--root is made absolute and may not be /", () => {
  expect(givenRoot("/a//b/../c/")).toBe("/a/c");
  expect(givenRoot("x")).toBe(`${process.cwd()}/x`);
  for (const path of ["", "/", "/..", "//"]) expect(() => givenRoot(path)).toThrow();
});

describe("the directory in use", () => {
  let dir: string;
  const euid = process.geteuid!();
  const use = () => useDefaultRoot(caller(1000, { XDG_RUNTIME_DIR: dir }));
  const useAs = (uid: number) => {
    const who = caller(uid, { XDG_RUNTIME_DIR: dir });
    try {
      return useDefaultRoot({ ...who, uidMap: () => NESTED });
    } catch (error) {
      return errorLine(error);
    }
  };
  beforeEach(() => {
    dir = mkdtempSync("/tmp/brun-root-");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test("is made 0700 with the sticky bit, and found again", () => {
    expect(useAs(euid)).toBe(`${dir}/brun`);
    expect(statSync(`${dir}/brun`).mode & 0o7777).toBe(0o1700);
    expect(useAs(euid)).toBe(`${dir}/brun`);
  });

  test("belongs to someone else", () => {
    mkdirSync(`${dir}/brun`, { mode: 0o700 });
    expect(useAs(euid + 1)).toStartWith(`cannot keep state in ${dir}/brun: owned by uid ${euid}, not by you`);
  });

  test("lets others in", () => {
    mkdirSync(`${dir}/brun`);
    chmodSync(`${dir}/brun`, 0o777);
    expect(useAs(euid)).toStartWith(`cannot keep state in ${dir}/brun: mode 777 lets others in`);
  });

  test("is a symbolic link", () => {
    mkdirSync(`${dir}/elsewhere`, { mode: 0o700 });
    symlinkSync("elsewhere", `${dir}/brun`);
    expect(useAs(euid)).toStartWith(`cannot keep state in ${dir}/brun: not a directory`);
  });

  test("cannot be made", () => {
    rmSync(dir, { recursive: true });
    expect(use).toThrow(`cannot keep state in ${dir}/brun: no such file or directory`);
    mkdirSync(dir);
  });
});
