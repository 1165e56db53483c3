/** Mounts of the spec, in its order. */
import type { Mount } from "../spec/index.ts";
import type { Slot } from "../stage/program.ts";
import {
  AT_RECURSIVE,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, absolute } from "../sys/fs.ts";
import { mountCgroup } from "./cgroup-mounts.ts";
import { type InitContext, MOUNT_ATTR_SIZE, mountAttr } from "./context.ts";
import { type MountOptions, parseMountOptions, toMountAttr } from "./mount-options.ts";
import { openTarget } from "./path.ts";

/** mount(2) flags that a plain mount(2) of a new file system takes. */
const NEW_MOUNT_FLAGS = ~(MS.BIND | MS.REC | MS.REMOUNT);

/** Compiles spec.mounts. */
export function mounts(x: InitContext): void {
  (x.config.spec.mounts ?? []).forEach((mount, index) => {
    const options = parseMountOptions(mount.options ?? []);
    const where = `mounts[${index}]`;
    if ((options.flags & MS.BIND) !== 0 || mount.type === "bind") bindMount(x, mount, index, options);
    else if (mount.type === "cgroup") mountCgroup(x, mount, where, options);
    else newMount(x, mount, where, options);
  });
}

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
 */
export function cloneTree(x: InitContext, base: Slot | number, path: string, recursive: boolean): Slot {
  const flags =
    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0) | (path === "" ? AT_EMPTY_PATH : 0);
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
function propagate(x: InitContext, mount: Slot, types: readonly number[]): void {
  for (const type of types) x.b.sys("mount", [null, x.b.fdPath(mount), null, type, null]);
}

function bindMount(x: InitContext, mount: Mount, index: number, options: MountOptions): void {
  const { b, config } = x;
  const source = absolute(mount.source ?? "", config.bundle);
  const recursive = (options.flags & MS.REC) !== 0;
  b.at(`mounts[${index}]`, `bind ${source} on ${mount.destination}`);
  const tree = cloneTree(x, AT_FDCWD, source, recursive);
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  setAttributes(x, tree, set, clear, false);
  setAttributes(x, tree, options.recursiveSet, options.recursiveClear, true);
  const kind = config.facts.sources.get(index) === "file" ? "file" : "dir";
  const propagates = options.propagation.length > 0;
  attach(x, tree, openTarget(x, mount.destination, { create: kind }), propagates);
  if (!propagates) return;
  propagate(x, tree, options.propagation);
  b.close(tree);
}

function newMount(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { b } = x;
  const type = mount.type ?? "none";
  b.at(where, `mount ${type} on ${mount.destination}`);
  const noSymlinks = type === "proc" || type === "sysfs";
  const target = openTarget(x, mount.destination, { create: "dir", noSymlinks });
  const source = b.str(mount.source ?? type);
  const data = options.data === "" ? null : b.str(options.data);
  const path = b.fdPath(target);
  b.sys("mount", [source, path, b.str(type), options.flags & NEW_MOUNT_FLAGS, data], { close: [target] });
  b.free(target);
  if (options.propagation.length === 0 && options.recursiveSet === 0 && options.recursiveClear === 0) return;
  const mounted = openTarget(x, mount.destination);
  setAttributes(x, mounted, options.recursiveSet, options.recursiveClear, true);
  propagate(x, mounted, options.propagation);
  b.close(mounted);
}
