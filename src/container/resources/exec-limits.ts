/** The limits of a process of `exec`. Its caller may have lower hard limits than the caller who made the container. */
import { clampLimits, raisedLimits } from "../../config/limits.ts";
import type { Change } from "../../config/types.ts";
import { lowestOomScoreAdj } from "../../host/oom-score-adj.ts";
import type { Process } from "../../spec/index.ts";
import { each, mapped } from "../../sys/lists.ts";
import { hardLimits } from "../host/facts.ts";
import { callerIdentity, isRootless } from "../state/root.ts";
import type { Runtime } from "../types.ts";

/** A process with limits that can be set, and those of them that have to be raised first. */
export interface PermittedProcess {
  readonly process: Process;
  readonly raised: Process["rlimits"];
}

/** @param privileged the process stays in the user namespace of root of the host, who may raise what it likes */
export function permitLimits(rt: Runtime, process: Process, privileged: boolean): PermittedProcess {
  if (privileged) return { process, raised: undefined };
  const rlimits = hardLimits(mapped(process.rlimits ?? [], (limit) => limit.type));
  const raised = raisedLimits(process, rlimits);
  const rootless = isRootless(callerIdentity());
  const oomScoreAdj =
    rootless && process.oomScoreAdj !== undefined ? lowestOomScoreAdj(process.oomScoreAdj) : -1000;
  const lowers = process.oomScoreAdj !== undefined && process.oomScoreAdj < oomScoreAdj;
  if (!rootless || (raised.length === 0 && !lowers)) return { process, raised };
  const changes: Change[] = [];
  const clamped = clampLimits(process, { rlimits, oomScoreAdj }, changes);
  each(changes, ({ where, what, why }) => rt.warn(`${where}: ${what}: ${why}`));
  return { process: clamped, raised: undefined };
}
