/** The file of a `run`'s plan, compiled before it is known whether the container can start. */
import { recordAside } from "../../host/recorder.ts";
import type { KeptPlan } from "./cached-files.ts";
import { planFile, type RunPlan } from "./cached-plan.ts";

/** A file, or why there is none; and what it was made of. */
export interface PlanDraft {
  readonly file: KeptPlan | string;
  readonly of: RunPlan;
  readonly warnings: number;
}

/**
 * Compiles the file while the stage makes the container, when brun would only wait. Nothing is written: a container that
 * cannot start leaves no plan. The questions that this asks are no inputs of the plan.
 */
export function draftPlan(root: string, of: RunPlan): PlanDraft {
  let file: KeptPlan | string = "";
  recordAside(() => {
    file = planFile(root, of);
  });
  return { file, of, warnings: of.warnings.length };
}

/** The draft, or another file if something was asked, warned of or changed since. */
export function finishPlan(root: string, draft: PlanDraft | null, plan: RunPlan): KeptPlan | string {
  return draft !== null && isUpToDate(draft, plan) ? draft.file : planFile(root, plan);
}

function isUpToDate({ of, warnings }: PlanDraft, plan: RunPlan): boolean {
  return (
    plan.recording.reason === of.recording.reason &&
    plan.recording.inputs.length === of.recording.inputs.length &&
    plan.warnings.length === warnings &&
    plan.config === of.config &&
    plan.state === of.state &&
    plan.programs === of.programs
  );
}
