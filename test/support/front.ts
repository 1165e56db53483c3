/**
 * Determines whether the front (nsenter/front) or Bun has executed a command. If Bun was started, its engine
 * prints a report.
 */
import { expect } from "bun:test";
import type { CallOptions, Outcome, Sandbox } from "./sandbox.ts";
import type { TestSpec } from "./spec.ts";

/** False for BRUN_TEST_BUILD=brun-no-front. There Bun executes all commands, and the tests expect that. */
export const HAS_FRONT: boolean = process.env.BRUN_TEST_BUILD?.endsWith("-no-front") !== true;

/** Makes the engine print a report if it was started. */
export const REPORT = { BUN_JSC_reportBytecodeCompileTimes: "1" };

/** A global flag without effect. The front does not know it, and so leaves the command to Bun. */
export const BY_BUN = { globals: ["--rootless=auto"] };

export interface Done extends Outcome {
  readonly bun: boolean;
}

/** Runs a command. Returns its outcome, and whether Bun was started. */
export async function call(box: Sandbox, args: readonly string[], options: CallOptions = {}): Promise<Done> {
  const outcome = await box.call(args, { ...options, env: { ...options.env, ...REPORT } });
  const bun = /^Compiled .* into bytecode/m.test(outcome.stderr + outcome.stdout);
  return { ...outcome, bun };
}

/** Runs a command, and expects that the front executes it if there is one. */
export async function front(box: Sandbox, args: readonly string[], options: CallOptions = {}): Promise<Done> {
  const done = await call(box, args, options);
  expect({ args, bun: done.bun }).toEqual({ args, bun: !HAS_FRONT });
  return done;
}

/** Creates a container whose program sleeps. Later commands have cached plans for it. Returns its id. */
export async function created(
  box: Sandbox,
  edit: (spec: TestSpec) => void = () => undefined,
): Promise<string> {
  const id = box.name();
  const bundle = box.bundle((spec) => {
    spec.process.args = ["/bin/sleep", "1000"];
    edit(spec);
  });
  // With cgroups of v1 later commands of root would have no plans.
  await box.ok(["create", "--bundle", bundle, id], { globals: ["--cgroup-manager=disabled"] });
  return id;
}
