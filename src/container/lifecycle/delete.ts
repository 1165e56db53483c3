/** `brun delete`: removes a stopped container. */
import { BrunError } from "../../errors.ts";
import { localPlan, runLocal } from "../../plan/local.ts";
import type { Program } from "../../plan/program.ts";
import { E } from "../../sys/errno.ts";
import { holdSignals } from "../../sys/interrupt.ts";
import { cgroups } from "../resources/cgroup.ts";
import { isGoneAt, lookAt, statusAt, statusOf, takeLock } from "../state/status.ts";
import { type Locked, loadState, lock, notFound, remove, type StoredState, unlock } from "../state/store.ts";
import type { Runtime, Status } from "../types.ts";
import { removeContainer } from "./cleanup.ts";
import { runPoststop } from "./hooks.ts";
import { awaitEnd, endOthers, endProcess, killAndWait, leavesOthers } from "./terminate.ts";

/**
 * Deletes a container. Without `force` it has to be stopped; with it, it is killed first, and a container that
 * does not exist is no error. Throws a BrunError.
 */
export function deleteContainer(rt: Runtime, id: string, force: boolean): void {
  let locked: Locked;
  try {
    locked = lock(rt.root, id);
  } catch (error) {
    if (force && error instanceof BrunError && error.code === "ERR_NOT_FOUND") return;
    throw error;
  }
  try {
    const stored = readState(rt, id, force);
    if (stored === null) remove(rt.root, id);
    else deleteStored(rt, stored, locked, force);
  } finally {
    unlock(locked);
  }
}

/**
 * The plan of `delete`. A container that is only created is killed.
 * @param force kill whatever runs
 */
export function deletePlan(root: string, stored: StoredState, force: boolean, record = false): Program {
  return localPlan((local) => {
    const gone = local.b.label();
    takeLock(local);
    if (!force && !stored.creating) lookAt(local, stored, { stopped: gone });
    endProcess(local, stored, gone);
    local.b.mark(gone);
    removeContainer(local.b, local.at, local.directory, root, stored);
  }, record);
}

/** Why it takes more than the plan to delete a container; null when it does not. */
export function deletesByMore(stored: StoredState): string | null {
  if (leavesOthers(stored)) return "its processes can be found by looking at all processes alone";
  if (stored.cgroup?.systemd !== undefined) return "systemd has its cgroup";
  return stored.hooks?.poststop === undefined ? null : "it has poststop hooks";
}

/**
 * Deletes a container that the caller has the lock of, and runs its poststop hooks. Throws a BrunError or SysError, and an
 * Interrupted for a signal that came while hooks ran.
 */
export function deleteStored(rt: Runtime, stored: StoredState, locked: Locked, force: boolean): void {
  let rest = stored;
  const { systemd } = stored.cgroup ?? {};
  if (leavesOthers(stored) || systemd !== undefined) {
    if (!force && !stored.creating) refuse(stored, statusOf(rt.root, stored, locked.fd));
    endOthers(stored);
    if (systemd !== undefined) killAndWait(stored);
    if (systemd !== undefined) rest = withoutCgroup(stored);
  }
  const { poststop } = stored.hooks ?? {};
  if (poststop !== undefined) holdSignals();
  if (runPlan(rt.root, rest, locked.fd, force)) runPoststop(stored, rt.warn);
}

/** Returns whether the container was still there. */
function runPlan(root: string, stored: StoredState, directory: number, force: boolean): boolean {
  const failure = runLocal((record) => deletePlan(root, stored, force, record), { directory });
  if (failure === null) return true;
  refuse(stored, statusAt(failure));
  // Its supervisor has removed it, and runs its hooks, which needs no lock.
  if (isGoneAt(failure)) {
    if (force) return false;
    throw notFound(stored.id);
  }
  if (failure.step === "removeDirectory") {
    if (failure.errno === E.ENOENT) return false;
    // With NOTIFY_SOCKET, or a temporary file of a brun that was killed while it wrote.
    remove(root, stored.id);
    return true;
  }
  // Cgroups that the container has made in its own, or processes that take their time.
  if (failure.step === "removeCgroup") return runPlan(root, withoutCgroup(stored), directory, force);
  awaitEnd(stored, failure);
  return runPlan(root, stored, directory, force);
}

/** Removes the cgroup. */
function withoutCgroup(stored: StoredState): StoredState {
  if (stored.cgroup !== undefined) cgroups().removeCgroup(stored.cgroup);
  return { ...stored, cgroup: undefined };
}

function refuse({ id }: StoredState, status: Status | null): void {
  if (status === null || status === "created" || status === "stopped") return;
  throw new BrunError(`cannot delete container ${id} that is not stopped: ${status}`, {
    code: "ERR_STATE",
    hint: `\`brun kill ${id}\` ends it, \`brun delete --force ${id}\` does both`,
  });
}

/** The state. With force a damaged state counts as none, but a state that cannot be read at the moment does not. */
function readState(rt: Runtime, id: string, force: boolean): StoredState | null {
  try {
    return loadState(rt.root, id);
  } catch (error) {
    if (!force || !(error instanceof BrunError)) throw error;
    return null;
  }
}
