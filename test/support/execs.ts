/** `exec` by the plans of a container, compared with the same by Bun. */
import { expect } from "bun:test";
import { BY_BUN, call, created, front, HAS_FRONT } from "./front.ts";
import type { Sandbox } from "./sandbox.ts";
import type { TestSpec } from "./spec.ts";

/** All that a program gets, in its order. */
export const LOOK =
  "tr '\\0' '\\n' </proc/self/environ; pwd; id; grep -E '^(Cap|NoNewPrivs|Groups|Umask)' /proc/self/status";

/** A container whose program sleeps, started by the front. */
export async function running(
  box: Sandbox,
  edit: (spec: TestSpec) => void = () => undefined,
): Promise<string> {
  const id = await created(box, edit);
  expect((await front(box, ["start", id])).code).toBe(0);
  return id;
}

/** The line that Bun's engine prints besides is no output of the program's. */
export const output = ({ stdout }: { readonly stdout: string }) =>
  HAS_FRONT ? stdout : stdout.replace(/^Compiled .*\n/gm, "");

/** Expects that the front does it, and that the program sees what it sees when Bun does it. */
export async function same(box: Sandbox, args: readonly string[]): Promise<string> {
  const mine = await front(box, args);
  const bun = await box.call(args, BY_BUN);
  expect({ args, code: mine.code, out: output(mine) }).toEqual({ args, code: bun.code, out: bun.stdout });
  return bun.stdout;
}

/** Expects that Bun does it, with the error that it has without the front. */
export async function left(box: Sandbox, args: readonly string[]): Promise<string> {
  const mine = await call(box, args);
  const bun = await box.call(args, BY_BUN);
  expect({ args, bun: mine.bun, code: mine.code }).toEqual({ args, bun: true, code: bun.code });
  expect(mine.stderr).toContain(bun.stderr.trim());
  return bun.stderr;
}
