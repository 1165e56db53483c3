/** `brun pause`: stops every process of a container. */
import { BrunError } from "../../errors.ts";
import { cgroups, requireCgroup } from "../resources/cgroup.ts";
import { statusOf } from "../state/status.ts";
import { lock, requireState, unlock } from "../state/store.ts";
import type { Runtime } from "../types.ts";

/** Pauses a container. Throws a BrunError unless it runs or is created. */
export function pause(rt: Runtime, id: string): void {
  const locked = lock(rt.root, id);
  try {
    const stored = requireState(rt.root, id);
    const status = statusOf(rt.root, stored, locked.fd);
    if (status === "paused")
      throw new BrunError(`container not running: ${id} is paused already`, {
        code: "ERR_STATE",
      });
    if (status !== "running" && status !== "created")
      throw new BrunError("container not running", { code: "ERR_STATE" });
    cgroups().freeze(requireCgroup(stored, "paused"));
  } finally {
    unlock(locked);
  }
}
