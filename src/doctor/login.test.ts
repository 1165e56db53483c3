import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { runtimeDirectory } from "./login.ts";

const uid = process.getuid!();
const caller = { uid, gid: uid, userName: "dev", privileged: false };
let dir: string;
beforeAll(() => {
  dir = mkdtempSync("/tmp/brun-doctor-");
});
afterAll(() => rmSync(dir, { recursive: true }));

test("XDG_RUNTIME_DIR as it should be", () => {
  expect(runtimeDirectory(caller, dir)).toMatchObject({ state: "ok", what: dir, fix: null });
});

test("XDG_RUNTIME_DIR that is not set, not there, another's, or open to others", () => {
  expect(runtimeDirectory({ ...caller, uid: 1000 }, undefined).what).toBe(
    "XDG_RUNTIME_DIR is not set: state is kept in /tmp/brun-1000",
  );
  expect(runtimeDirectory(caller, "relative").state).toBe("warn");
  expect(runtimeDirectory(caller, "/no/such/dir").state).toBe("warn");
  expect(runtimeDirectory(caller, "/dev/null")).toMatchObject({ state: "warn" });
  expect(runtimeDirectory({ ...caller, uid: 4711 }, dir).what).toContain(`belongs to uid ${uid}`);
  chmodSync(dir, 0o755);
  expect(runtimeDirectory(caller, dir)).toMatchObject({
    state: "warn",
    fix: `chmod 700 ${dir}`,
    user: "dev",
  });
});
