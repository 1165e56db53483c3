/** Detached mount trees: cloned, given attributes, attached (open_tree(2), mount_setattr(2), move_mount(2)). */
import type { Slot } from "../stage/program.ts";
import {
  AT_RECURSIVE,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH } from "../sys/fs.ts";
import { type InitContext, MOUNT_ATTR_SIZE, mountAttr } from "./context.ts";

/** Attaches a detached mount to a target and closes the target, and unless `keep` the mount. */
export function attach(x: InitContext, mount: Slot, target: Slot, keep = false): void {
  const { b } = x;
  const empty = b.str("");
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  b.sys("move_mount", [mount, empty, target, empty, flags], { close: keep ? [target] : [mount, target] });
  b.free(target);
  if (!keep) b.free(mount);
}

/**
 * A detached copy of the mount tree at a path.
 * @param base where a relative path starts; with an empty path, the tree itself
 * @param more further flags of open_tree(2)
 */
export function cloneTree(
  x: InitContext,
  base: Slot | number,
  path: string,
  recursive: boolean,
  more = 0,
): Slot {
  const flags =
    OPEN_TREE_CLONE |
    OPEN_TREE_CLOEXEC |
    more |
    (recursive ? AT_RECURSIVE : 0) |
    (path === "" ? AT_EMPTY_PATH : 0);
  return x.b.get("open_tree", [base, x.b.str(path), flags]);
}

/** mount_setattr(2) on the mount in a slot. */
export function setAttributes(
  x: InitContext,
  mount: Slot,
  set: number,
  clear: number,
  recursive: boolean,
): void {
  const { b } = x;
  if (set === 0 && clear === 0) return;
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  const call = (s: number, c: number, locked: boolean) => {
    const done = b.label();
    const args = [mount, b.str(""), flags, mountAttr(x, s, c), MOUNT_ATTR_SIZE] as const;
    b.sys("mount_setattr", args, locked ? { handle: [E.EPERM], andThen: done } : {});
    return done;
  };
  // In a user namespace flags that came with the mount are locked: what may not be cleared stays set.
  const onlySet = set & ~MOUNT_ATTR.ATIME;
  if (clear === 0 || x.config.privileged) {
    call(set, clear, false);
    return;
  }
  const done = call(set, clear, true);
  if (onlySet !== 0) call(onlySet, 0, false);
  b.mark(done);
}

/** Sets the propagation of the mount at the root of a descriptor. */
export function propagate(x: InitContext, mount: Slot, types: readonly number[]): void {
  for (const type of types) x.b.sys("mount", [null, x.b.fdPath(mount), null, type, null]);
}
