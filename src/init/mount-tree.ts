/** Detached mount trees: cloned, given attributes, attached (open_tree(2), mount_setattr(2), move_mount(2)). */

import { type AttributeChange, type MountOptions, toMountFlags } from "../config/mount-options.ts";
import type { Policy, Slot } from "../plan/program.ts";
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

/** Attaches a detached mount to a target. Closes the target, and the mount unless `keep` is set. */
export function attach(x: InitContext, mount: Slot, target: Slot, keep = false): void {
  attachOr(x, mount, target, keep, {});
}

/**
 * As {@link attach}.
 * @param policy where to go on: after a handled errno (both descriptors are then still open), and after success
 */
export function attachOr(x: InitContext, mount: Slot, target: Slot, keep: boolean, policy: Policy): void {
  const { b } = x;
  const late = x.detached?.get(mount) ?? undefined;
  x.detached?.delete(mount);
  const closing = late === undefined && !keep ? [mount, target] : [target];
  const { andThen, ...handled } = policy;
  const last = late === undefined ? policy : handled;
  move(x, mount, target, { ...last, close: closing });
  b.free(target);
  if (late !== undefined) {
    b.remount(mount, toMountFlags(late.set), toMountFlags(late.clear));
    if (!keep) b.sys("close", [mount], andThen === undefined ? {} : { andThen });
  }
  if (!keep) b.free(mount);
}

/** move_mount(2) of the mount in one slot to the file in another. */
export function move({ b }: InitContext, mount: Slot, target: Slot, policy: Policy = {}): void {
  const empty = b.str("");
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  b.sys("move_mount", [mount, empty, target, empty, flags], policy);
}

/**
 * A detached copy of the mount tree at a path.
 * @param base the directory where a relative path starts; with an empty path, the tree itself
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

/** Attributes that cannot even be set when they are locked. */
export const TIMES = MOUNT_ATTR.ATIME | MOUNT_ATTR.NODIRATIME;

/** mount_setattr(2) on the mount in a slot. */
export function setAttributes(
  x: InitContext,
  mount: Slot,
  set: number,
  clear: number,
  recursive: boolean,
): void {
  const attempts: AttributeChange[] = [{ set, clear }];
  // In a user namespace the flags of a foreign mount are locked, and those that cannot be cleared stay set.
  if ((clear !== 0 || (set & TIMES) !== 0) && !x.config.privileged)
    attempts.push({ set: set & ~TIMES, clear: 0 });
  tryAttributes(x, mount, attempts, recursive);
}

/** mount_setattr(2) with the first of the attempts that is permitted. An attempt without any change always is. */
export function tryAttributes(
  x: InitContext,
  mount: Slot,
  attempts: readonly AttributeChange[],
  recursive = false,
): void {
  const { b } = x;
  if (!recursive && x.config.facts.lacking?.has("mount_setattr")) {
    const { set, clear } = attempts[0]!;
    if (set !== 0 || clear !== 0) setLater(x, mount, set, clear);
    return;
  }
  const done = b.label();
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  const last = attempts.length - 1;
  for (let i = 0; i <= last; i++) {
    const { set, clear } = attempts[i]!;
    if (set === 0 && clear === 0) break;
    const args = [mount, b.str(""), flags, mountAttr(x, set, clear), MOUNT_ATTR_SIZE] as const;
    b.sys("mount_setattr", args, i < last ? { handle: [E.EPERM], andThen: done } : {});
  }
  b.mark(done);
}

/** mount(2) sets attributes only on attached mounts, so a clone gets them when it is attached. */
function setLater(x: InitContext, mount: Slot, set: number, clear: number): void {
  if (x.detached?.has(mount)) x.detached.set(mount, { set, clear });
  else x.b.remount(mount, toMountFlags(set), toMountFlags(clear));
}

/** Sets the propagation of the mount at the root of a descriptor. */
export function propagate(x: InitContext, mount: Slot, types: readonly number[]): void {
  for (const type of types) x.b.sys("mount", [null, x.b.fdPath(mount), null, type, null]);
}

/** Whether a mount's options ask for changes that mount(2) cannot make while mounting. */
export function changesMount({ propagation, recursiveSet, recursiveClear }: MountOptions): boolean {
  return propagation.length > 0 || recursiveSet !== 0 || recursiveClear !== 0;
}

/** Makes these changes to the attached mount in a slot. */
export function changeMount(x: InitContext, mount: Slot, options: MountOptions): void {
  setAttributes(x, mount, options.recursiveSet, options.recursiveClear, true);
  propagate(x, mount, options.propagation);
}
