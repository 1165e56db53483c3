/** Whether a command was done by the front (nsenter/front) or by Bun, whose engine says in its own report that it was started. */
import { expect } from "bun:test";
import type { CallOptions, Outcome, Sandbox } from "./sandbox.ts";
import type { TestSpec } from "./spec.ts";

/** Not so for the build that BRUN_TEST_BUILD=brun-no-front names: Bun does all commands there, and the tests say whether as well. */
export const HAS_FRONT: boolean = process.env.BRUN_TEST_BUILD?.endsWith("-no-front") !== true;

/** Has the engine say that it was started. */
export const REPORT = { BUN_JSC_reportBytecodeCompileTimes: "1" };

/** A global flag that changes nothing, and that the front does not know. */
export const BY_BUN = { globals: ["--rootless=auto"] };

export interface Done extends Outcome {
  readonly bun: boolean;
}

/** Runs a command; whether Bun was started, and its output. */
export async function call(box: Sandbox, args: readonly string[], options: CallOptions = {}): Promise<Done> {
  const outcome = await box.call(args, { ...options, env: { ...options.env, ...REPORT } });
  const bun = /^Compiled .* into bytecode/m.test(outcome.stderr + outcome.stdout);
  return { ...outcome, bun };
}

/** Runs a command, which the front has to do where there is one. */
export async function front(box: Sandbox, args: readonly string[], options: CallOptions = {}): Promise<Done> {
  const done = await call(box, args, options);
  expect({ args, bun: done.bun }).toEqual({ args, bun: !HAS_FRONT });
  return done;
}

/** A created container that sleeps when it is started, and for which later commands have plans; returns its id. */
export async function created(
  box: Sandbox,
  edit: (spec: TestSpec) => void = () => undefined,
): Promise<string> {
  const id = box.name();
  const bundle = box.bundle((spec) => {
    spec.process.args = ["/bin/sleep", "1000"];
    edit(spec);
  });
  // Root would have one of v1 on a machine that has these, and no plans.
  await box.ok(["create", "--bundle", bundle, id], { globals: ["--cgroup-manager=disabled"] });
  return id;
}
