/** `brun list`: all containers below the root. */
import { errorLine } from "../../errors.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { each } from "../../sys/lists.ts";
import type { ContainerState, Runtime } from "../types.ts";
import { describeState } from "./state.ts";
import { type Found, lookAtEach, readStates } from "./states.ts";
import { statusAt, statusOf } from "./status.ts";
import { isGone, isLocked, listIds, loadState, parseState } from "./store.ts";

/**
 * The stored states of all containers, sorted by id. A container is left out with a warning if its state cannot be read
 * or if the brun that made it was killed. A container that is deleted meanwhile is left out.
 */
export function storedStates(rt: Runtime): Found[] {
  const ids = listIds(rt.root);
  const found: Found[] = [];
  const uid = syscall(NR.geteuid);
  each(readStates(rt.root, ids, uid), (text, i) => {
    const id = ids[i]!;
    orWarn(rt, id, () => {
      const stored = text === null ? loadState(rt.root, id) : parseState(text, rt.root, id);
      if (stored !== null) found.push({ stored, uid: text === null ? undefined : uid });
      // It may have been completed in between.
      else if (!isLocked(rt.root, id) && loadState(rt.root, id) === null) {
        const why = "the brun that made it was killed";
        rt.warn(`container ${id} is not complete: ${why}; \`brun delete --force ${id}\` removes it`);
      }
    });
  });
  return found;
}

/** {@link storedStates} without the containers that have stopped. */
export function livingStates(rt: Runtime): Found[] {
  const found = storedStates(rt);
  const looked = lookAtEach(rt.root, found);
  return found.filter((_, i) => !looked[i] || statusAt(looked[i]!) !== "stopped");
}

/** All containers with their statuses; warnings are those of {@link storedStates}. */
export function list(rt: Runtime): ContainerState[] {
  const containers: ContainerState[] = [];
  const found = storedStates(rt);
  const looked = lookAtEach(rt.root, found);
  each(found, ({ stored, uid }, i) => {
    orWarn(rt, stored.id, () => {
      const failure = looked[i];
      const status = failure === undefined ? null : failure === null ? "created" : statusAt(failure);
      containers.push(describeState(rt, stored, status ?? statusOf(rt.root, stored), uid));
    });
  });
  return containers;
}

/** Calls `act`. An error of it becomes a warning, unless the container has been deleted. */
function orWarn(rt: Runtime, id: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isGone(rt.root, id)) rt.warn(`container ${id}: ${errorLine(error)}`);
  }
}
