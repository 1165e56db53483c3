/** `brun state`: the OCI state of a container. */

import { userNameOf } from "../../rootless/subid.ts";
import { printable } from "../printable.ts";
import { readTextIfThere, tryStat } from "../sys/fs.ts";
import { statusOf } from "./status.ts";
import { paths, requireState, type StoredState } from "./store.ts";
import type { ContainerState, Runtime, Status } from "./types.ts";

/** The state of one container. Throws a BrunError when there is none. */
export function state(rt: Runtime, id: string): ContainerState {
  return describeState(rt, requireState(rt.root, id));
}

/** Stored state → what `state` and `list` show. */
export function describeState(
  rt: Runtime,
  stored: StoredState,
  status: Status = statusOf(rt.root, stored),
): ContainerState {
  return {
    ociVersion: stored.ociVersion,
    id: stored.id,
    pid: status === "stopped" || stored.creating === "stage" ? 0 : stored.pid,
    status,
    bundle: stored.bundle,
    rootfs: stored.rootfs,
    created: stored.created,
    ...(stored.annotations === undefined ? {} : { annotations: stored.annotations }),
    owner: ownerOf(paths(rt.root, stored.id).directory),
  };
}

/** The fields in runc's order. */
export function orderedState(state: ContainerState): ContainerState {
  return {
    ociVersion: state.ociVersion,
    id: state.id,
    pid: state.pid,
    status: state.status,
    bundle: state.bundle,
    rootfs: state.rootfs,
    created: state.created,
    ...(hasEntries(state.annotations) ? { annotations: state.annotations } : {}),
    owner: state.owner,
  };
}

function hasEntries<T extends object>(value: T | undefined): value is T {
  return value !== undefined && Object.keys(value).length > 0;
}

/** `brun state`: indented by two, without a newline at the end. */
export function stateJson(state: ContainerState): string {
  return printable(JSON.stringify(orderedState(state), null, 2));
}

const names = new Map<number, string>();

/** User name of a file's owner, or the uid as text when it has none, as runc prints it. */
function ownerOf(path: string): string {
  const stat = tryStat(path);
  if (typeof stat === "number") return "";
  const known = names.get(stat.uid);
  if (known !== undefined) return known;
  const name = printable(userNameOf(readTextIfThere("/etc/passwd") ?? "", stat.uid) ?? `#${stat.uid}`);
  names.set(stat.uid, name);
  return name;
}
