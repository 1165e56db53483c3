/** `brun state`: the OCI state of a container. */

import { userNameOf } from "../../../rootless/subid.ts";
import { call, readTextIfThere } from "../../host/ask.ts";
import { isRecording } from "../../host/recorder.ts";
import { Hole } from "../../plan/file-abi.ts";
import { holeMark } from "../../plan/hole-mark.ts";
import { localPlan, runLocal, unexpected } from "../../plan/local.ts";
import type { Program } from "../../plan/program.ts";
import { printable } from "../../printable.ts";
import { SysError } from "../../sys/error.ts";
import { close, tryStat } from "../../sys/fs.ts";
import type { ContainerState, Runtime, Status } from "../types.ts";
import { lookAt } from "./status.ts";
import { openDirectory, paths, requireState, type StoredState } from "./store.ts";

/**
 * Prints the state of a container. Throws a BrunError when there is none, and a SysError when stdout cannot be written
 * to.
 */
export function state(rt: Runtime, id: string): void {
  const stored = requireState(rt.root, id);
  const directory = openDirectory(rt.root, id);
  const failure = runLocal((record) => statePlan(rt, stored, record), { directory });
  close(directory);
  if (failure === null) return;
  throw failure.step === "print" ? new SysError("write stdout", failure.errno) : unexpected(failure);
}

/**
 * The plan of `state`.
 * @param open its texts have holes: it can be used only from a file, for a container that the front makes
 */
export function statePlan(
  rt: Pick<Runtime, "root">,
  stored: StoredState,
  record = false,
  open = false,
): Program {
  const described = describeState(rt, stored, "created", open ? call("geteuid") : undefined);
  return localPlan((local) => {
    const { b, at, end } = local;
    const to = { creating: b.label(), stopped: b.label(), paused: b.label(), running: b.label() };
    const print = (status: Status): void => {
      at("print");
      const state = { ...described, status, pid: pidOf(stored, status) };
      b.write(1, open ? b.hole(Hole.text, openStateJson(state)) : stateJson(state), { andThen: end });
    };
    lookAt(local, stored, to);
    local.b.once();
    if (!stored.creating) print("created");
    for (const status of places(stored)) {
      b.mark(to[status]);
      print(status);
    }
  }, record);
}

/** The statuses besides "created" that {@link lookAt} finds. */
function places({ creating, cgroup }: StoredState): readonly Exclude<Status, "created">[] {
  if (creating) return ["creating", "stopped"];
  return cgroup === undefined ? ["running", "stopped"] : ["running", "paused", "stopped"];
}

/**
 * Stored state → what `state` and `list` show.
 * @param uid who the container's directory belongs to, where that is known
 */
export function describeState(
  rt: Pick<Runtime, "root">,
  stored: StoredState,
  status: Status,
  uid = ownerOf(paths(rt.root, stored.id).directory),
): ContainerState {
  return {
    ociVersion: stored.ociVersion,
    id: stored.id,
    pid: pidOf(stored, status),
    status,
    bundle: stored.bundle,
    rootfs: stored.rootfs,
    created: stored.created,
    ...(stored.annotations === undefined ? {} : { annotations: stored.annotations }),
    owner: uid === null ? "" : nameOf(uid),
  };
}

function pidOf({ pid, creating }: StoredState, status: Status): number {
  return status === "stopped" || creating === "stage" ? 0 : pid;
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
  return stateText(orderedState(state));
}

function stateText(fields: object): string {
  return printable(JSON.stringify(fields, null, 2));
}

/** The same with marks for what each container has of its own. */
function openStateJson(state: ContainerState): string {
  const marks: Readonly<Record<string, string | undefined>> = {
    id: `"${holeMark(Hole.id)}"`,
    pid: state.pid === 0 ? undefined : holeMark(Hole.pid),
    created: `"${holeMark(Hole.created)}"`,
  };
  const fields = Object.entries(orderedState(state)).map(([name, value]) => {
    const mark = marks[name];
    return mark === undefined ? stateText({ [name]: value }).slice(2, -2) : `  "${name}": ${mark}`;
  });
  return `{\n${fields.join(",\n")}\n}`;
}

const names = new Map<number, string>();

function ownerOf(path: string): number | null {
  const stat = tryStat(path);
  return typeof stat === "number" ? null : stat.uid;
}

/** A user's name, or the uid as text when it has none, as runc prints it. */
export function nameOf(uid: number): string {
  const known = isRecording() ? undefined : names.get(uid);
  if (known !== undefined) return known;
  const name = printable(userNameOf(readTextIfThere("/etc/passwd") ?? "", uid) ?? `#${uid}`);
  names.set(uid, name);
  return name;
}
