/** Detached mount trees: cloned, given attributes, attached (open_tree(2), mount_setattr(2), move_mount(2)). */
import type { Policy, Slot } from "../stage/program.ts";
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
import { toMountFlags } from "./mount-options.ts";

/** Attaches a detached mount to a target and closes the target, and unless `keep` the mount. */
export function attach(x: InitContext, mount: Slot, target: Slot, keep = false): void {
  const { b } = x;
  const empty = b.str("");
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  const late = x.detached?.get(mount) ?? undefined;
  x.detached?.delete(mount);
  const closing = late === undefined && !keep ? [mount, target] : [target];
  b.sys("move_mount", [mount, empty, target, empty, flags], { close: closing });
  b.free(target);
  if (late !== undefined) {
    b.remount(mount, toMountFlags(late.set), toMountFlags(late.clear));
    if (!keep) b.sys("close", [mount]);
  }
  if (!keep) b.free(mount);
}

/**
 * A detached copy of the mount tree at a path.
 * @param base where a relative path starts; with an empty path, the tree itself
 * @param more further flags of open_tree(2)
 * @param policy of the call
 */
export function cloneTree(
  x: InitContext,
  base: Slot | number,
  path: string,
  recursive: boolean,
  more = 0,
  policy: Policy = {},
): Slot {
  const flags =
    OPEN_TREE_CLONE |
    OPEN_TREE_CLOEXEC |
    more |
    (recursive ? AT_RECURSIVE : 0) |
    (path === "" ? AT_EMPTY_PATH : 0);
  const tree = x.b.get("open_tree", [base, x.b.str(path), flags], policy);
  if (x.config.facts.lacking?.has("mount_setattr")) {
    x.detached ??= new Map();
    x.detached.set(tree, null);
  }
  return tree;
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
  if (!recursive && x.config.facts.lacking?.has("mount_setattr")) {
    setLater(x, mount, set, clear);
    return;
  }
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  const call = (s: number, c: number, locked: boolean) => {
    const done = b.label();
    const args = [mount, b.str(""), flags, mountAttr(x, s, c), MOUNT_ATTR_SIZE] as const;
    b.sys("mount_setattr", args, locked ? { handle: [E.EPERM], andThen: done } : {});
    return done;
  };
  // In a user namespace flags that came with the mount are locked: what may not be cleared stays set.
  const onlySet = set & ~(MOUNT_ATTR.ATIME | MOUNT_ATTR.NODIRATIME);
  if ((clear === 0 && onlySet === set) || x.config.privileged) {
    call(set, clear, false);
    return;
  }
  const done = call(set, clear, true);
  if (onlySet !== 0) call(onlySet, 0, false);
  b.mark(done);
}

/** By mount(2), which takes only what is attached: so a clone gets its attributes when it is. */
function setLater(x: InitContext, mount: Slot, set: number, clear: number): void {
  if (x.detached?.has(mount)) x.detached.set(mount, { set, clear });
  else x.b.remount(mount, toMountFlags(set), toMountFlags(clear));
}

/** Sets the propagation of the mount at the root of a descriptor. */
export function propagate(x: InitContext, mount: Slot, types: readonly number[]): void {
  for (const type of types) x.b.sys("mount", [null, x.b.fdPath(mount), null, type, null]);
}
