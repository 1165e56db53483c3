/**
 * process.rlimits and process.oomScoreAdj above the caller's own: a caller who is not root gets the caller's
 * values.
 */
import type { Process } from "../spec/index.ts";
import { filtered, mapped } from "../sys/lists.ts";
import type { Change } from "./types.ts";

/** The limits of the caller. */
export interface OwnLimits {
  /** Hard limits by name. */
  readonly rlimits: ReadonlyMap<string, bigint>;
  /**
   * The lowest oom_score_adj that the caller may set: an unprivileged process may not go below what root has given
   * it.
   */
  readonly oomScoreAdj: number;
}

type Limit = NonNullable<Process["rlimits"]>[number];

function isAbove(limit: Limit, own: OwnLimits["rlimits"]): boolean {
  const current = own.get(limit.type);
  return current !== undefined && BigInt(limit.hard) > current;
}

/** The limits above the caller's. Root needs CAP_SYS_RESOURCE to raise them (setrlimit(2)). */
export function raisedLimits(process: Process, own: OwnLimits["rlimits"]): Limit[] {
  return filtered(process.rlimits ?? [], (limit) => isAbove(limit, own));
}

/** Clamps limits that the caller may not raise to the caller's own, and adds each to `changes`. */
export function clampLimits(process: Process, own: OwnLimits, changes: Change[]): Process {
  const clamped: Process = { ...process };
  if (process.oomScoreAdj !== undefined && process.oomScoreAdj < own.oomScoreAdj) {
    clamped.oomScoreAdj = own.oomScoreAdj;
    changes.push({
      where: "process.oomScoreAdj",
      what: `${process.oomScoreAdj} becomes ${own.oomScoreAdj}`,
      why: "only root may lower it",
      warn: true,
    });
  }
  if (process.rlimits !== undefined) {
    clamped.rlimits = mapped(process.rlimits, (limit, i) => {
      if (!isAbove(limit, own.rlimits)) return limit;
      const hard = own.rlimits.get(limit.type)!;
      const soft = BigInt(limit.soft) > hard ? hard : limit.soft;
      changes.push({
        where: `process.rlimits[${i}]`,
        what: `${limit.type} ${limit.soft}:${limit.hard} becomes ${soft}:${hard}`,
        why: "only root may raise a hard limit",
        warn: true,
      });
      return { ...limit, soft, hard };
    });
  }
  return clamped;
}
