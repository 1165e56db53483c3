/**
 * The directory for everything in a test run. It is under /tmp, where the unprivileged user can reach it. The
 * checkout may be in a home that the user cannot read. It is removed when the tests end.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Caller, ownedDir } from "./caller.ts";

/** BRUN_TEST_BUILD is the name of another build in dist. */
const BUILT = `${import.meta.dir}/../../dist/${process.env.BRUN_TEST_BUILD ?? "brun"}`;

let base: string | undefined;
let boxes = 0;

/** The workspace. It is created at the first call. */
export function workspace(): string {
  if (base === undefined) {
    base = mkdtempSync(`${tmpdir()}/brun-test-`);
    chmodSync(base, 0o755);
  }
  return base;
}

/** Removes the workspace. test/support/preload.ts calls it after the last test. */
export function removeWorkspace(): void {
  if (base !== undefined) rmSync(base, { recursive: true, force: true });
  base = undefined;
}

/** A copy of dist/brun in the workspace, so that tests also check that it works in another place. */
export function brunPath(): string {
  const path = `${workspace()}/brun`;
  if (!existsSync(path)) {
    if (!existsSync(BUILT)) throw new Error(`${BUILT} does not exist: npm run build`);
    copyFileSync(BUILT, path);
    chmodSync(path, 0o755);
  }
  return path;
}

/**
 * A copy of the Bun that runs the tests, which every caller can execute. The original may be in a home that
 * they cannot read.
 */
export function bunPath(): string {
  const path = `${workspace()}/bun`;
  if (!existsSync(path)) {
    copyFileSync(process.execPath, path);
    chmodSync(path, 0o755);
  }
  return path;
}

/** A new directory that belongs to the caller, with a unique name. */
export function boxDir(caller: Caller): string {
  boxes += 1;
  return ownedDir(caller, `${workspace()}/${caller.name}-${boxes}`);
}
