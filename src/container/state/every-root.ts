/** The containers in all state directories of the caller, for commands on what containers share: the store of images. */
import { variable } from "../../sys/environment.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { readTextIfThere, S, tryStat } from "../../sys/fs.ts";
import type { ContainerState, Runtime } from "../types.ts";
import { list } from "./list.ts";
import { defaultRoots } from "./root.ts";

/**
 * The containers of --root, and of the directories that brun chooses by default. Another session of the caller may have
 * another one, such as a cron job, which has no XDG_RUNTIME_DIR. Containers with a --root elsewhere are not found.
 */
export function listEverywhere(rt: Runtime): ContainerState[] {
  const uid = syscall(NR.geteuid);
  const uidMap = uid === 0 ? (readTextIfThere("/proc/self/uid_map") ?? "") : "";
  const others = defaultRoots(uid, uidMap, variable("XDG_RUNTIME_DIR")).filter((path) => isOwn(path, uid));
  return [...new Set([rt.root, ...others])].flatMap((root) => list({ ...rt, root }));
}

/** In /tmp anybody can make a directory of that name. */
function isOwn(path: string, uid: number): boolean {
  const stat = tryStat(path, true);
  return typeof stat !== "number" && (stat.mode & S.IFMT) === S.IFDIR && stat.uid === uid;
}
