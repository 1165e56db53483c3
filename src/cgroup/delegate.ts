/** Cgroups v2 that the container may manage. */
import { BrunError } from "../errors.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, exists, mkdirAll } from "../sys/fs.ts";
import { readFileOf } from "./access.ts";
import { enableControllers, enterThreadedMode } from "./controllers.ts";
import { moveInto } from "./create.ts";
import { DELEGATE_WHERE } from "./demand.ts";
import { parentOf } from "./path.ts";

const MODE = 0o755;

/**
 * Makes the delegated cgroups and moves a process into the deepest. The process has to have made its cgroup
 * namespace before. Throws a BrunError.
 */
export function enterDelegated(delegated: readonly string[], pid: number): void {
  const directory = delegated[0]!;
  refusing(() => {
    mkdirAll(directory, MODE);
    enterThreadedMode(directory, {});
    moveInto(directory, pid);
  });
}

/**
 * Enables controllers for the delegated cgroup, and gives it to the container's root. No process may be in the
 * cgroups above any more.
 * @param root its ids on the host; null if root is the caller
 * @throws BrunError the caller may not
 */
export function handOver(delegated: readonly string[], root: { uid: number; gid: number } | null): void {
  const directory = delegated[0]!;
  enableControllers(directory);
  if (root === null) return;
  refusing(
    () => giveTo(directory, root.uid, root.gid),
    "the container's root is not the caller: map the caller's own ids to 0, or let root run the container",
  );
}

function refusing(action: () => void, hint?: string): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new BrunError(error.message, { where: DELEGATE_WHERE, hint });
  }
}

const DELEGATE = "/sys/kernel/cgroup/delegate";
const DELEGATED_FILES = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

/**
 * Gives a v2 cgroup to a user, who can then make cgroups below it but not change its own limits (runtime-spec,
 * config-linux.md#cgroup-ownership). Throws a SysError.
 * @param gid -1 to keep the group
 */
export function giveTo(directory: string, uid: number, gid = -1): void {
  const listed = exists(DELEGATE)
    ? (readFileOf(parentOf(DELEGATE), "delegate") ?? "").split("\n")
    : DELEGATED_FILES;
  for (const path of [directory, ...listed.filter(Boolean).map((file) => `${directory}/${file}`)]) {
    const result = syscall(NR.fchownat, AT_FDCWD, cstr(path), uid, gid, 0);
    if (result < 0 && result !== -E.ENOENT) throw new SysError(`give ${path} to uid ${uid}`, -result);
  }
}
