/** openat2(2) step by step (nsenter/plan/resolve.c) comes to where the kernel's comes to, by every rule. */
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { ENOSYS, EPERM, refusing, without } from "../support/without.ts";
import { workspace } from "../support/workspace.ts";

const LINKS: Readonly<Record<string, string>> = {
  absolute: "/a/b",
  relative: "a/../a/b",
  out: "../../../../etc/passwd",
  up: "..",
  loop: "loop",
  "a/deep": "../a/b/../b/file",
  gone: "nothing/here",
  slash: "a/b/",
  "a/b/root": "/",
  through: "absolute/root/relative/file",
};

test("paths come to the same file, or fail in the same way", () => {
  const dir = `${workspace()}/resolve`;
  mkdirSync(`${dir}/a/b/c`, { recursive: true });
  writeFileSync(`${dir}/a/b/file`, "");
  for (const [name, target] of Object.entries(LINKS)) symlinkSync(target, `${dir}/${name}`);
  const run = (around: readonly string[]) => {
    const argv = [...around, process.execPath, `${import.meta.dir}/resolve-all.ts`, dir];
    const { stdout, stderr } = Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "pipe"] });
    expect(stderr.toString()).toBe("");
    return stdout.toString().split("\n");
  };
  const usual = run([]);
  expect(usual.length).toBeGreaterThan(1000);
  for (const errno of [ENOSYS, EPERM]) expect(run(without(refusing(["openat2"], errno)))).toEqual(usual);
});
