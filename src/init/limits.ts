/** process.rlimits, oomScoreAdj and umask. */

import type { Process } from "../spec/index.ts";
import { RLIMITS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { each } from "../sys/lists.ts";
import type { ProcessContext } from "./context.ts";
import { writeTo } from "./write.ts";

type Limit = NonNullable<Process["rlimits"]>[number];

/** Sets resource limits; src/config has clamped limits that the caller may not raise. */
export function rlimits(x: ProcessContext, process: Process): void {
  each(process.rlimits ?? [], (limit, i) => {
    x.b.at(`process.rlimits[${i}]`, {
      kind: "setLimit",
      type: limit.type,
      value: `${limit.soft}:${limit.hard}`,
    });
    setLimit(x, limit, limit.soft);
  });
}

/** Raises hard limits while the process still has the rights of the host's root; {@link rlimits} does the rest. */
export function raiseLimits(x: ProcessContext): void {
  each(x.config.raisedLimits ?? [], (limit) => {
    x.b.at("process.rlimits", { kind: "raiseLimit", type: limit.type, value: `${limit.hard}` });
    setLimit(x, limit, limit.hard);
  });
}

function setLimit({ b }: ProcessContext, { type, hard }: Limit, soft: Limit["soft"]): void {
  const number = (RLIMITS as readonly string[]).indexOf(type);
  const values = new BigUint64Array([BigInt(soft), BigInt(hard)]);
  b.sys("prlimit64", [0, number, b.bytes(new Uint8Array(values.buffer), `{${values}}`), null]);
}

/** Writes /proc/self/oom_score_adj. src/config has clamped values that the caller may not set, with a warning. */
export function oomScore(x: ProcessContext, process: Process): void {
  const score = process.oomScoreAdj;
  if (score === undefined) return;
  x.b.at("process.oomScoreAdj", { kind: "setOomScore", value: `${score}` });
  const refused = x.config.privileged ? undefined : [E.EACCES, E.EPERM];
  writeTo(x, "/proc/self/oom_score_adj", `${score}`, refused);
}

/** As runc's. */
export const DEFAULT_UMASK = 0o022;

/** umask(2) of the process. */
export function umask(x: ProcessContext, process: Process): void {
  x.b.at("process.user.umask", { kind: "setUmask" });
  x.b.sys("umask", [process.user?.umask ?? DEFAULT_UMASK]);
}
