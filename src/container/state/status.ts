/** Status of a container, derived from its files and its process. */
import { FIFO_FILE, STATE_FILE } from "../../plan/abi.ts";
import { Hole } from "../../plan/file-abi.ts";
import { type Local, type LocalFailure, localPlan, runLocal, unexpected } from "../../plan/local.ts";
import type { Label, Policy, Slot } from "../../plan/program.ts";
import { LOCK } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { close } from "../../sys/fs.ts";
import { freezerFile, unlessFrozen } from "../resources/freezer.ts";
import type { Status } from "../types.ts";
import { openDirectory, type StoredState } from "./store.ts";

/** Mode of access(2): whether the file exists. */
export const F_OK = 0;

/** Takes the container's lock, and checks that the previous holder has left a container. */
export function takeLock({ b, directory, at }: Local): void {
  at("lock");
  b.sys("flock", [directory, LOCK.EX | LOCK.NB]);
  at("isThere");
  b.sys("faccessat", [directory, b.str(STATE_FILE), F_OK]);
}

/** Whether a failure means that the container has gone since its directory was opened. */
export function isGoneAt({ step, errno }: LocalFailure): boolean {
  return step === "isThere" && errno === E.ENOENT;
}

/** Where to go on when a container is found to have a status; without a place the plan fails there. */
export type Places = { readonly [Found in Exclude<Status, "created">]?: Label };

/** The facts about a container that {@link lookAt} needs: the stored values, or slots. */
type Looked =
  | StoredState
  | {
      readonly pid: Slot;
      readonly startTime: Slot;
      /** The address of the path of {@link freezerFile}, or of an empty text. */
      readonly freezer: Slot;
      readonly creating?: undefined;
    };

/**
 * Looks at a container, and goes on behind this when it is created and waits for `start`. A `running` that is null is not
 * looked for: it goes on behind this as well.
 */
export function lookAt(
  local: Local,
  stored: Looked,
  to: Omit<Places, "running"> & { readonly running?: Label | null },
): void {
  const { b, directory, at } = local;
  const otherwise = (errno: number, place: Label | null | undefined): Policy =>
    place ? { handle: [errno], orElse: place } : {};
  if (stored.creating) {
    // The brun that makes it holds the lock. Without a lock, that brun was killed.
    at("isMade");
    b.sys("flock", [directory, LOCK.EX | LOCK.NB], otherwise(E.EAGAIN, to.creating));
    at("isAlive");
    b.fail(E.ESRCH, otherwise(E.ESRCH, to.stopped));
    return;
  }
  at("isAlive");
  const { pid, startTime } = stored;
  const gone = otherwise(E.ESRCH, to.stopped);
  if (typeof pid === "number")
    b.alive(b.number(Hole.pid, pid), b.number(Hole.startTime, Number(startTime)), gone);
  else b.alive(pid, startTime as Slot, gone);
  const freezer = "cgroup" in stored ? stored.cgroup && freezerFile(stored.cgroup) : stored.freezer;
  if (freezer !== undefined) unlessFrozen(local, freezer, to.paused);
  if (to.running === null) return;
  at("isCreated");
  b.sys("faccessat", [directory, b.str(FIFO_FILE), F_OK], otherwise(E.ENOENT, to.running));
}

/** The status that a failure of {@link lookAt} means; null for any other failure. */
export function statusAt({ step, errno }: LocalFailure): Status | null {
  if (step === "isMade" && errno === E.EAGAIN) return "creating";
  if (step === "isAlive" && errno === E.ESRCH) return "stopped";
  if (step === "isThawed" && errno === E.EAGAIN) return "paused";
  return step === "isCreated" && errno === E.ENOENT ? "running" : null;
}

/**
 * The OCI status of a stored container. Throws a BrunError.
 * @param locked the caller's descriptor of the container's directory, which has the lock: nobody else is making it then
 */
export function statusOf(root: string, stored: StoredState, locked = -1): Status {
  const directory = locked < 0 ? openDirectory(root, stored.id) : locked;
  try {
    const look = (record: boolean) => localPlan((local) => lookAt(local, stored, {}), record);
    const failure = runLocal(look, { directory });
    if (failure === null) return "created";
    const status = statusAt(failure);
    if (status === null) throw unexpected(failure);
    return status;
  } finally {
    if (locked < 0) close(directory);
  }
}
