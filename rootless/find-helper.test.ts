import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installHint, PACKAGES } from "../src/package-names.ts";
import { findHelper, lacksPrivilege, type MapHelper, SYSTEM_DIRECTORIES } from "./find-helper.ts";
import { failure } from "./testing/failure.ts";

// No system directory has this name, so that only PATH can supply it.
const name = "newuidmap-of-the-test" as MapHelper;
const root = process.getuid!() === 0;

describe("findHelper", () => {
  let base: string;
  const directory = (part: string) => join(base, part);

  function install(part: string, mode: number, directoryMode = 0o755, uid?: number): string {
    mkdirSync(directory(part));
    const file = join(directory(part), name);
    writeFileSync(file, "#!/bin/sh\nexit 0\n");
    chmodSync(file, mode);
    if (uid !== undefined) chownSync(file, uid, uid);
    chmodSync(directory(part), directoryMode);
    return file;
  }

  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), "brun-find-helper-"));
  });
  afterAll(() => {
    rmSync(base, { recursive: true });
  });

  test("names the packages when there is none", () => {
    for (const path of ["/nonexistent", undefined]) {
      expect(failure(() => findHelper(name, path))).toContain(
        `not installed, and more than one id needs it; hint: ${installHint(PACKAGES.uidmap)}`,
      );
    }
  });

  test.skipIf(!root)("takes from PATH only what nobody but root can write", () => {
    const good = install("good", 0o755);
    install("group-writable", 0o775);
    install("loose-directory", 0o755, 0o777);
    install("foreign", 0o755, 0o755, 65533);
    const bad = ["group-writable", "loose-directory", "foreign"].map(directory);
    expect(findHelper(name, [...bad, directory("good")].join(":"))).toBe(good);
    for (const path of bad) expect(() => findHelper(name, path)).toThrow(/is not used/);
  });

  test("never takes a relative directory or a caller's own file from PATH", () => {
    if (!root) install("own", 0o755);
    const refused = root ? /not installed/ : /is not used/;
    expect(() => findHelper(name, `.::bin:${root ? "" : directory("own")}`)).toThrow(refused);
  });

  test("prefers the system's directories to PATH", () => {
    expect(SYSTEM_DIRECTORIES[0]).toBe("/usr/bin");
  });
});

test("lacksPrivilege recognises a file without privilege", () => {
  const directory = mkdtempSync(join(tmpdir(), "brun-lacks-privilege-"));
  const file = join(directory, "newuidmap");
  writeFileSync(file, "");
  const found = lacksPrivilege(file);
  rmSync(directory, { recursive: true });
  expect(found?.cause).toMatch(/neither setuid root nor has file capabilities|no_new_privs/);
  expect(lacksPrivilege("/nonexistent")).toBeNull();
});

test.skipIf(!root)("lacksPrivilege recognises a nosuid mount", () => {
  // Nearly every /proc is mounted nosuid, but that of a minimal container is not.
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const nosuid = /^\S+ \S+ \S+ \/ (\/dev\/shm|\/run|\/dev) \S*nosuid\S* .* - (?:dev)?tmpfs /m.exec(
    mounts,
  )?.[1];
  if (nosuid === undefined) return;
  const file = join(nosuid, `brun-nosuid-${process.pid}`);
  writeFileSync(file, "");
  chmodSync(file, 0o4755);
  const found = lacksPrivilege(file);
  rmSync(file);
  expect(found?.cause).toMatch(/mounted nosuid/);
});
