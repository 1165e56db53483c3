/** What the supervisor does when a foreground container has ended, written down as a program. */
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import { hookRequest, runHooksWarning } from "../init/hooks.ts";
import { ANY, type Label, type Program, ProgramBuilder, type Slot } from "../stage/program.ts";
import { ownCommand } from "../sys/environment.ts";
import { AT_FDCWD, AT_REMOVEDIR, O } from "../sys/fs.ts";
import { stateForHooks } from "./hooks.ts";
import { LOG_FILES, parentOf } from "./kept-log.ts";
import { FILES, paths, type StoredState } from "./store.ts";

/**
 * Removes the container's state and runs its poststop hooks: `delete` without booting Bun again.
 * @param notify it has a notification socket
 */
export function cleanupProgram(root: string, state: StoredState, notify: boolean): Program {
  const b = new ProgramBuilder();
  const busy = b.label();
  const end = b.label();
  removeContainer(b, root, state, notify, busy);
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

/**
 * Removes cgroup and directory of a container whose process has ended; goes to `busy` while there is more in the
 * cgroup than processes that have just ended.
 * @param notify it has a notification socket
 * @param kept where to go on when the directory cannot be removed, which is no failure otherwise
 */
export function removeContainer(
  b: ProgramBuilder,
  root: string,
  state: StoredState,
  notify: boolean,
  busy: Label,
  kept?: Label,
): void {
  const p = paths(root, state.id);
  if (state.cgroup !== undefined) removeCgroup(b, state.cgroup, busy);
  b.at("cleanup", { kind: "remove", path: p.directory });
  for (const file of FILES)
    b.sys("unlinkat", [AT_FDCWD, b.str(`${p.directory}/${file}`), 0], { handle: [ANY] });
  if (notify) {
    b.sys("unlinkat", [AT_FDCWD, b.str(`${p.notify}/notify.sock`), 0], { handle: [ANY] });
    b.sys("unlinkat", [AT_FDCWD, b.str(p.notify), AT_REMOVEDIR], { handle: [ANY] });
  }
  if (state.kept !== undefined) removeKept(b, root, state.id, state.kept.directory);
  const stays = kept === undefined ? {} : { orElse: kept };
  b.sys("unlinkat", [AT_FDCWD, b.str(p.directory), AT_REMOVEDIR], { handle: [ANY], ...stays });
  if (state.resctrl !== undefined) {
    b.sys("unlinkat", [AT_FDCWD, b.str(state.resctrl), AT_REMOVEDIR], { handle: [ANY] });
  }
}

/** What {@link removeKeptLog} removes, and what else there is of a container whose output is kept. */
function removeKept(b: ProgramBuilder, root: string, id: string, directory: string): void {
  const { exit, attach } = paths(root, id);
  for (const file of [...LOG_FILES.map((name) => `${directory}/${name}`), exit, attach])
    b.sys("unlinkat", [AT_FDCWD, b.str(file), 0], { handle: [ANY] });
  for (const path of [directory, parentOf(directory)])
    b.sys("unlinkat", [AT_FDCWD, b.str(path), AT_REMOVEDIR], { handle: [ANY] });
}

/** How long to wait for processes to leave the cgroup, in milliseconds. */
const PAUSES = [1, 5, 25];

/** Removes the cgroup; goes to `busy` when there is more in it than processes that have just ended. */
function removeCgroup(b: ProgramBuilder, plan: CgroupPlan, busy: Label): void {
  const unified = plan.paths[""];
  if (plan.systemd !== undefined) {
    killAll(b, unified!);
    return;
  }
  for (const path of plan.delegated ?? []) {
    b.sys("unlinkat", [AT_FDCWD, b.str(path), AT_REMOVEDIR], { handle: [ANY] });
  }
  for (const path of Object.values(plan.paths)) {
    const directory = b.str(path);
    const done = b.label();
    for (const pause of PAUSES) {
      const later = b.label();
      b.sys("unlinkat", [AT_FDCWD, directory, AT_REMOVEDIR], { handle: [ANY], orElse: later, andThen: done });
      b.mark(later);
      if (pause === PAUSES[0] && unified !== undefined) killAll(b, unified);
      const time = new BigInt64Array([0n, BigInt(pause) * 1_000_000n]);
      b.sys("nanosleep", [b.bytes(new Uint8Array(time.buffer), `${pause} ms`), null], { handle: [ANY] });
    }
    b.sys("unlinkat", [AT_FDCWD, directory, AT_REMOVEDIR], { handle: [ANY], orElse: busy });
    b.mark(done);
  }
  for (const parent of plan.parents ?? [])
    b.sys("unlinkat", [AT_FDCWD, b.str(parent), AT_REMOVEDIR], { handle: [ANY] });
}

/** Without a pid namespace of its own a container may leave processes behind. */
function killAll(b: ProgramBuilder, unified: string): void {
  const none = b.label();
  const path = b.str(`${unified}/cgroup.kill`);
  const file = b.get("openat", [AT_FDCWD, path, O.WRONLY | O.CLOEXEC, 0], { handle: [ANY], orElse: none });
  b.sys("write", [file, b.str("1"), 1], { handle: [ANY] });
  b.close(file);
  b.mark(none);
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
 */
export function endProgram(root: string, id: string, namespace: number, keep: boolean): Program {
  const b = new ProgramBuilder();
  b.at("cleanup", { kind: "endProcesses", id });
  const stdin = namespace < 0 ? null : b.get("dup", [namespace]);
  const words = keep ? ["kill", "--all", id, "KILL"] : ["delete", "--force", id];
  callBrun(b, ["--root", root, ...words], stdin);
  return b.finish();
}
