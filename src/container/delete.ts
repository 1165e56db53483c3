/** `brun delete`: removes what is left of a container. */
import { BrunError } from "../errors.ts";
import { rmdir } from "../sys/fs.ts";
import { holdSignals } from "../sys/interrupt.ts";
import { cgroups } from "./cgroup.ts";
import { runPoststop } from "./hooks.ts";
import { removeKeptLog } from "./kept-log.ts";
import { statusOf } from "./status.ts";
import { loadState, lock, remove, type StoredState, unlock } from "./store.ts";
import { killAndWait } from "./terminate.ts";
import type { Runtime } from "./types.ts";

/**
 * Deletes a container. Without `force` it has to be stopped; with it, it is killed first, and a container that
 * does not exist is no error. Throws a BrunError.
 */
export function deleteContainer(rt: Runtime, id: string, force: boolean): void {
  let locked: ReturnType<typeof lock>;
  try {
    locked = lock(rt.root, id);
  } catch (error) {
    if (force && error instanceof BrunError && error.code === "ERR_NOT_FOUND") return;
    throw error;
  }
  try {
    const stored = readState(rt, id, force);
    if (stored !== null) {
      const status = statusOf(rt.root, stored, true);
      if (status !== "created" && status !== "stopped" && !force) {
        throw new BrunError(`cannot delete container ${id} that is not stopped: ${status}`, {
          code: "ERR_STATE",
          hint: `\`brun kill ${id}\` ends it, \`brun delete --force ${id}\` does both`,
        });
      }
      killAndWait(stored);
    }
    if (stored === null) remove(rt.root, id);
    else destroy(rt, stored);
  } finally {
    unlock(locked);
  }
}

/**
 * Removes what there is of a container whose process has ended, and runs its poststop hooks. The caller has the lock. Throws
 * a BrunError or SysError, and an Interrupted for a signal that came while hooks ran.
 */
export function destroy(rt: Runtime, stored: StoredState): void {
  if (stored.hooks?.poststop !== undefined) holdSignals();
  if (stored.cgroup !== undefined) cgroups().removeCgroup(stored.cgroup);
  if (stored.resctrl !== undefined) rmdir(stored.resctrl);
  if (stored.kept !== undefined) removeKeptLog(stored.kept.directory);
  remove(rt.root, stored.id);
  runPoststop(stored, rt.warn);
}

/** The state; with force a damaged one is as good as none, but not one that cannot be read just now. */
function readState(rt: Runtime, id: string, force: boolean): StoredState | null {
  try {
    return loadState(rt.root, id);
  } catch (error) {
    if (!force || !(error instanceof BrunError)) throw error;
    return null;
  }
}
