/** `brun resume`: lets a paused container go on. */
import { BrunError } from "../../errors.ts";
import { cgroups, requireCgroup } from "../resources/cgroup.ts";
import { statusOf } from "../state/status.ts";
import { lock, requireState, unlock } from "../state/store.ts";
import type { Runtime } from "../types.ts";

/** Resumes a container. Throws a BrunError unless it is paused. */
export function resume(rt: Runtime, id: string): void {
  const locked = lock(rt.root, id);
  try {
    const stored = requireState(rt.root, id);
    if (statusOf(rt.root, stored, locked.fd) !== "paused")
      throw new BrunError("container not paused", { code: "ERR_STATE" });
    cgroups().thaw(requireCgroup(stored, "resumed"));
  } finally {
    unlock(locked);
  }
}
