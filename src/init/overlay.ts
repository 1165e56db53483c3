/**
 * Overlays whose upper directory is on a tmpfs that goes with the container (option "tmpupper", brun's own), and
 * mounts that take the place of the root ("/"), as crun has them.
 */
import type { Mount } from "../spec/index.ts";
import type { Slot } from "../stage/program.ts";
import { MNT_DETACH, MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH, MS } from "../sys/constants.ts";
import { AT_EMPTY_PATH, AT_FDCWD, absolute, O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { Extra, isBind, type MountOptions, toMountAttr } from "./mount-options.ts";
import { attach, cloneTree, propagate, setAttributes } from "./mount-tree.ts";
import { newFileSystem, type Parameter, parametersOf } from "./new-file-system.ts";
import { openTarget } from "./path.ts";

/** Compiles one of them: a mount on "/", or with "tmpupper". */
export function overlayMount(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const type = mount.type ?? "none";
  x.b.at(where, `mount ${type} on ${mount.destination}`);
  const mounted = detached(x, mount, type, options);
  setAttributes(x, mounted, options.recursiveSet, options.recursiveClear, true);
  if (mount.destination !== "/") {
    attach(x, mounted, openTarget(x, mount.destination, { create: "dir" }), true);
    propagate(x, mounted, options.propagation);
    x.b.close(mounted);
    return;
  }
  over(x, mounted);
  // What lies below the new root goes with the old one.
  if (x.scratch !== undefined) x.b.close(x.scratch);
  delete x.scratch;
  propagate(x, mounted, options.propagation);
  x.b.close(x.root);
  x.root = mounted;
}

/** Puts a mount over the root; it is found by its descriptor alone. */
function over(x: InitContext, mounted: Slot): void {
  const empty = x.b.str("");
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  x.b.sys("move_mount", [mounted, empty, x.root, empty, flags]);
}

function detached(x: InitContext, mount: Mount, type: string, options: MountOptions): Slot {
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  if (isBind(mount, options)) {
    const source = absolute(mount.source ?? "", x.config.bundle);
    const tree = cloneTree(x, AT_FDCWD, source, (options.flags & MS.REC) !== 0);
    setAttributes(x, tree, set, clear, false);
    return tree;
  }
  if ((options.extra & Extra.TMPUPPER) !== 0) return tmpOverlay(x, options.data, set);
  return newFileSystem(x, type, [["source", mount.source ?? type], ...parametersOf(options.data)], set);
}

/**
 * An overlay over "lowerdir=" whose upper directory has that one's mode, and the owner that "uid=" and "gid=" say.
 * Directories are handed over as descriptors, so that no character of a path has a meaning.
 */
function tmpOverlay(x: InitContext, data: string, attributes: number): Slot {
  const { b } = x;
  const given = new Map(parametersOf(data) as [string, string | null][]);
  const lower = openDirectory(x, AT_FDCWD, given.get("lowerdir") ?? "/");
  const scratch = scratchOf(x);
  const number = x.overlays++;
  const upper = madeDirectory(x, scratch, `upper${number}`);
  const work = madeDirectory(x, scratch, `work${number}`);
  b.copy(lower, upper, false);
  if (given.has("uid") || given.has("gid")) {
    const owner = (name: string) => Number(given.get(name) ?? -1);
    b.sys("fchownat", [upper, b.str(""), owner("uid"), owner("gid"), AT_EMPTY_PATH]);
  }
  const parameters: Parameter[] = [
    ["source", "overlay"],
    ["lowerdir", lower],
    ["upperdir", upper],
    ["workdir", work],
  ];
  for (const [name, value] of given) {
    if (name !== "lowerdir" && name !== "uid" && name !== "gid") parameters.push([name, value]);
  }
  const mounted = newFileSystem(x, "overlay", parameters, attributes);
  for (const directory of [lower, upper, work]) b.close(directory);
  return mounted;
}

function openDirectory(x: InitContext, base: Slot | number, path: string): Slot {
  return x.b.get("openat", [base, x.b.str(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
}

function madeDirectory(x: InitContext, base: Slot, name: string): Slot {
  x.b.sys("mkdirat", [base, x.b.str(name), 0o700]);
  return openDirectory(x, base, name);
}

/**
 * The tmpfs with the upper directories. overlayfs takes none that is mounted nowhere: until all mounts are done it
 * lies over the root, where no path leads to.
 */
function scratchOf(x: InitContext): Slot {
  if (x.scratch !== undefined) return x.scratch;
  x.scratch = newFileSystem(
    x,
    "tmpfs",
    [
      ["source", "upper"],
      ["mode", "700"],
    ],
    0,
  );
  over(x, x.scratch);
  return x.scratch;
}

/** When all mounts are done: the overlays keep what they need of the tmpfs. */
export function dropScratch(x: InitContext): void {
  const { b, scratch } = x;
  if (scratch === undefined) return;
  b.at("mounts", "unmount the tmpfs of the upper directories");
  b.sys("umount2", [b.fdPath(scratch), MNT_DETACH]);
  b.close(scratch);
}
