/** Why the kernel refuses a new procfs here. */
import { currentCaller } from "../../../rootless/caller.ts";
import { explainProcMountRefusal, hostView } from "../../../rootless/userns.ts";
import { mountsProc } from "../../config/bind-proc.ts";
import { isMountOf } from "../../plan/step.ts";
import type { Spec } from "../../spec/index.ts";
import { StepError } from "../../stage/step-error.ts";

/** The reason, as far as it can be found out; a text for people. */
export function procRefusal(): string {
  const { uid, gid } = currentCaller();
  return explainProcMountRefusal(hostView(uid, gid))?.cause ?? "the kernel lets none be mounted here";
}

/** Whether the kernel has refused the procfs of a config whose outer one may stand in for it. */
export function isProcRefusal(error: unknown, spec: Spec): boolean {
  if (!(error instanceof StepError) || error.code !== "EPERM" || !mountsProc(spec)) return false;
  // Not the way to the mount point, which a seccomp filter may refuse.
  return isMountOf(error.step, "proc") && error.operation.name === "mount";
}
