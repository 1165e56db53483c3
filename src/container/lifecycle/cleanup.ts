/** The plan that the supervisor runs when a foreground container has ended. */
import type { CgroupPlan } from "../../config/cgroup-plan.ts";
import { hookRequest, runHooksWarning } from "../../init/hooks.ts";
import { STATE_FILE_NEW } from "../../plan/abi.ts";
import { Hole } from "../../plan/file-abi.ts";
import { ANY, type Label, type Program, ProgramBuilder, type Slot } from "../../plan/program.ts";
import { ownCommand } from "../../sys/environment.ts";
import { E } from "../../sys/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { LOG_FILES, parentOf } from "../io/kept-log.ts";
import { FILES, paths, type StoredState } from "../state/store.ts";
import { stateForHooks } from "./hooks.ts";
import { killAll, timespec } from "./terminate.ts";

/**
 * Removes the container's state and runs its poststop hooks: `delete` without booting Bun again. Its first slot is the
 * container's directory.
 * @param notify it has a notification socket
 * @param keeper the socket of one (Keeper)
 * @param b its builder, if the plan is to be cached
 */
export function cleanupProgram(
  root: string,
  state: StoredState,
  notify: boolean,
  keeper?: number,
  b: ProgramBuilder = new ProgramBuilder(),
): Program {
  const slot = b.slot();
  const busy = b.label();
  const end = b.label();
  const { directory } = paths(root, state.id);
  const at = () => b.at("cleanup", { kind: "remove", path: directory });
  if (keeper !== undefined) awaitKeeper(b, keeper);
  removeContainer(b, at, slot, root, state, { busy, notify, stays: true });
  const poststop = state.hooks?.poststop;
  if (poststop !== undefined)
    runHooksWarning({ b }, poststop, "hooks.poststop", stateForHooks(state, "stopped"));
  if (state.cgroup !== undefined) {
    b.sys("getpid", [], { andThen: end });
    b.mark(busy);
    deleteByBrun(b, root, state.id);
    b.mark(end);
  }
  return b.finish();
}

const SHUT_WR = 1;

/** Waits until it has given the names back: who looks after the end of brun finds none. */
function awaitKeeper(b: ProgramBuilder, socket: number): void {
  b.sys("shutdown", [socket, SHUT_WR], { handle: [E.ENOTCONN] });
  b.sys("recvfrom", [socket, b.reserve(8), 1, 0, null, null], { handle: [E.ECONNRESET] });
}

/** How thorough {@link removeContainer} is: a plan fails where there is more to do than it can, unless this says otherwise. */
export interface Removal {
  /** Where to go on while there is more in the cgroup than processes that have just ended. */
  readonly busy?: Label | undefined;
  /** It has a notification socket. */
  readonly notify?: boolean;
  /** A directory that cannot be removed stays. */
  readonly stays?: boolean;
}

/**
 * Removes cgroup and directory of a container whose process has ended. Its files are found by a descriptor: by their paths
 * those of a container could be removed that has been given the same id meanwhile.
 */
export function removeContainer(
  b: ProgramBuilder,
  at: (step: "removeCgroup" | "removeFiles" | "removeDirectory") => void,
  directory: Slot,
  root: string,
  state: StoredState,
  { busy, notify, stays }: Removal = {},
): void {
  const any = { handle: [ANY] };
  at("removeCgroup");
  if (state.cgroup !== undefined) removeCgroup(b, state.cgroup, busy);
  at("removeFiles");
  const unlink = (name: string, flags = 0): void => b.sys("unlinkat", [directory, b.str(name), flags], any);
  each(FILES, (name) => unlink(name));
  // Of a front that could not write it.
  if (stays) unlink(STATE_FILE_NEW);
  if (notify) {
    unlink("notify/notify.sock");
    unlink("notify", AT_REMOVEDIR);
  }
  if (state.kept !== undefined) {
    unlink("exit");
    unlink("attach");
    removeKept(b, state.kept.directory);
  }
  if (state.resctrl !== undefined) tryRemove(b, state.resctrl, AT_REMOVEDIR);
  at("removeDirectory");
  const place = b.hole(Hole.directory, paths(root, state.id).directory);
  b.sys("unlinkat", [AT_FDCWD, place, AT_REMOVEDIR], stays ? any : {});
}

/** Removes a file or, with AT_REMOVEDIR, a directory, where that can be done. */
function tryRemove(b: ProgramBuilder, path: string, flags: number): void {
  b.sys("unlinkat", [AT_FDCWD, b.str(path), flags], { handle: [ANY] });
}

/** The files that {@link removeKeptLog} removes. */
function removeKept(b: ProgramBuilder, directory: string): void {
  const any = { handle: [ANY] };
  const none = b.label();
  const place = b.hole(Hole.log, directory);
  const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
  const log = b.get("openat", [AT_FDCWD, place, flags, 0], { ...any, orElse: none });
  for (const name of LOG_FILES) b.sys("unlinkat", [log, b.str(name), 0], any);
  b.close(log);
  b.mark(none);
  b.sys("unlinkat", [AT_FDCWD, place, AT_REMOVEDIR], any);
  tryRemove(b, parentOf(directory), AT_REMOVEDIR);
}

/** How long to wait for processes to leave the cgroup, in milliseconds. */
const PAUSES = [1, 5, 25];
const F_OK = 0;

/** Removes the cgroup; fails, or goes to `busy`, when there is more in it than processes that have just ended. */
function removeCgroup(b: ProgramBuilder, plan: CgroupPlan, busy: Label | undefined): void {
  const unified = plan.paths[""];
  if (plan.systemd !== undefined) {
    killAll(b, unified!);
    return;
  }
  for (const path of plan.delegated ?? []) tryRemove(b, path, AT_REMOVEDIR);
  for (const path of Object.values(plan.paths)) {
    const directory = b.str(path);
    const done = b.label();
    const gone = { handle: [E.ENOENT], orElse: done };
    b.sys("faccessat", [AT_FDCWD, directory, F_OK], gone);
    for (const pause of PAUSES) {
      const later = b.label();
      b.sys("unlinkat", [AT_FDCWD, directory, AT_REMOVEDIR], { handle: [ANY], orElse: later, andThen: done });
      b.mark(later);
      if (pause === PAUSES[0] && unified !== undefined) killAll(b, unified);
      b.sys("nanosleep", [timespec(b, 0, pause), null], { handle: [ANY] });
    }
    b.sys("unlinkat", [AT_FDCWD, directory, AT_REMOVEDIR], busy && { handle: [ANY], orElse: busy });
    b.mark(done);
  }
  for (const parent of plan.parents ?? []) tryRemove(b, parent, AT_REMOVEDIR);
}

/** Cgroups that the container has made in its own need more than a program can do. */
function deleteByBrun(b: ProgramBuilder, root: string, id: string): void {
  callBrun(b, ["--root", root, "delete", "--force", id], null);
}

function callBrun(b: ProgramBuilder, words: readonly string[], stdin: Slot | null): void {
  const self = ownCommand();
  const request = hookRequest({ b }, { path: self[0], args: [...self, ...words] });
  b.spawn(request, stdin, -1, { handle: [ANY] });
}

/**
 * Ends the processes that outlive the first one of a container whose own namespace tells them, and removes the container.
 * @param namespace open, or -1
 * @param keep leave the container
 * @param keeper the socket of one (Keeper)
 */
export function endProgram(
  root: string,
  id: string,
  namespace: number,
  keep: boolean,
  keeper?: number,
): Program {
  const b = new ProgramBuilder();
  b.at("cleanup", { kind: "endProcesses", id });
  const stdin = namespace < 0 ? null : b.get("dup", [namespace]);
  const words = keep ? ["kill", "--all", id, "KILL"] : ["delete", "--force", id];
  callBrun(b, ["--root", root, ...words], stdin);
  if (keeper !== undefined) awaitKeeper(b, keeper);
  return b.finish();
}
