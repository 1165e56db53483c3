/**
 * The directory that everything of one test run lives in. It is under /tmp, where the unprivileged user can
 * reach it (the checkout may be in a home that it cannot), and is removed when the tests end.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Caller, ownedDir } from "./caller.ts";

/** BRUN_TEST_BUILD: another one of dist. */
const BUILT = `${import.meta.dir}/../../dist/${process.env.BRUN_TEST_BUILD ?? "brun"}`;

let base: string | undefined;
let boxes = 0;

/** The workspace; made at the first call. */
export function workspace(): string {
  if (base === undefined) {
    base = mkdtempSync(`${tmpdir()}/brun-test-`);
    chmodSync(base, 0o755);
  }
  return base;
}

/** Removes the workspace: test/support/preload.ts calls it when the last test has ended. */
export function removeWorkspace(): void {
  if (base !== undefined) rmSync(base, { recursive: true, force: true });
  base = undefined;
}

/** A copy of dist/brun in the workspace, so that what is tested also works away from where it was built. */
export function brunPath(): string {
  const path = `${workspace()}/brun`;
  if (!existsSync(path)) {
    if (!existsSync(BUILT)) throw new Error(`${BUILT} does not exist: npm run build`);
    copyFileSync(BUILT, path);
    chmodSync(path, 0o755);
  }
  return path;
}

/** A copy of the Bun that runs the tests, which every caller can execute: it may be in a home that they cannot read. */
export function bunPath(): string {
  const path = `${workspace()}/bun`;
  if (!existsSync(path)) {
    copyFileSync(process.execPath, path);
    chmodSync(path, 0o755);
  }
  return path;
}

/** A new directory that belongs to the caller, with a name that no other has. */
export function boxDir(caller: Caller): string {
  boxes += 1;
  return ownedDir(caller, `${workspace()}/${caller.name}-${boxes}`);
}
