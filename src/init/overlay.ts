/**
 * Mounts that replace the root ("/"), as crun has them, and overlays that brun builds for options of its own. With
 * "tmpupper" the upper directory is on a tmpfs that ends with the container. With "from-root" the lower one is an
 * entry of the root.
 */

import { Extra, isBind, type MountOptions, toMountAttr } from "../config/mount-options.ts";
import type { Label, Policy, Slot } from "../plan/program.ts";
import type { Mount } from "../spec/index.ts";
import { MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, absolute, O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { openFromRoot } from "./from-root.ts";
import { attach, cloneTree, move, propagate, setAttributes } from "./mount-tree.ts";
import { newFileSystem, type Parameter, parametersOf } from "./new-file-system.ts";
import { openTarget } from "./path.ts";
import { hasRealSource, openRealPath } from "./real-path.ts";
import { scratchOf } from "./scratch.ts";

const BUILT = Extra.TMPUPPER | Extra.FROM_ROOT;

/** Whether this module makes a mount. It does not make a bind mount with "from-root". */
export function isOverlayMount(mount: Mount, options: MountOptions): boolean {
  return mount.destination === "/" || ((options.extra & BUILT) !== 0 && !isBind(mount, options));
}

/** Compiles such a mount. */
export function overlayMount(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { b } = x;
  const type = mount.type ?? "none";
  b.at(where, { kind: "mount", fsType: type, target: mount.destination });
  const absent = b.label();
  const mounted = isBind(mount, options)
    ? bound(x, mount, options)
    : (options.extra & BUILT) !== 0
      ? builtOverlay(x, options, mount.destination === "/" ? null : absent)
      : newMounted(x, mount, type, options);
  setAttributes(x, mounted, options.recursiveSet, options.recursiveClear, true);
  if (mount.destination !== "/") {
    attach(x, mounted, openTarget(x, mount.destination, { create: "dir" }), true);
    propagate(x, mounted, options.propagation);
    b.close(mounted);
    b.mark(absent);
    return;
  }
  move(x, mounted, x.root);
  // The scratch is below the old root, and the new root covers it.
  if (x.scratch !== undefined) b.close(x.scratch);
  delete x.scratch;
  propagate(x, mounted, options.propagation);
  // The first root stays open: later mounts may want entries of it.
  if (x.covered === undefined) x.covered = x.root;
  else b.close(x.root);
  x.root = mounted;
  b.mark(absent);
}

function bound(x: InitContext, mount: Mount, options: MountOptions): Slot {
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  const source = absolute(mount.source ?? "", x.config.bundle);
  const tree = cloneTree(x, AT_FDCWD, source, (options.flags & MS.REC) !== 0);
  setAttributes(x, tree, set, clear, false);
  return tree;
}

function newMounted(x: InitContext, mount: Mount, type: string, options: MountOptions): Slot {
  const parameters: Parameter[] = [["source", mount.source ?? type], ...parametersOf(options.data)];
  return newFileSystem(x, type, parameters, toMountAttr(options.flags, options.cleared).set);
}

/** Splits options into names and values; commas have no meaning here. */
function* pairs(options: readonly string[]): Iterable<[string, string | null]> {
  for (const option of options) {
    const equals = option.indexOf("=");
    yield equals < 0 ? [option, null] : [option.slice(0, equals), option.slice(equals + 1)];
  }
}

/** Options that describe the upper directory, and are not passed to overlayfs. */
const UPPER = new Set(["lowerdir", "upperdir", "workdir", "mode", "uid", "gid"]);

/**
 * Makes an overlay of one directory over another. The directories are handed over as descriptors, so that no
 * character of a path has a special meaning. With "tmpupper" the upper directory has the mode of the lower one, or
 * that of "mode=", and the owner of "uid=" and "gid=".
 * @param absent where to go on if a lower directory with "from-root" is gone; null makes that an error
 */
function builtOverlay(x: InitContext, options: MountOptions, absent: Label | null): Slot {
  const { b } = x;
  const given = new Map(pairs(options.parameters));
  const path = given.get("lowerdir") ?? "/";
  // A missing lower directory jumps over later operations, so the scratch is made before. The other directories
  // are opened before the scratch covers them.
  if ((options.extra & BUILT) === BUILT) scratchOf(x);
  const lower =
    (options.extra & Extra.FROM_ROOT) !== 0
      ? openFromRoot(x, path, true, absent)
      : openHostDirectory(x, path, options);
  const [upper, work] =
    (options.extra & Extra.TMPUPPER) !== 0
      ? tmpUpper(x, given, lower)
      : [
          openHostDirectory(x, given.get("upperdir") ?? "", options),
          openHostDirectory(x, given.get("workdir") ?? "", options),
        ];
  const parameters: Parameter[] = [
    ["source", "overlay"],
    ["lowerdir", lower],
    ["upperdir", upper],
    ["workdir", work],
  ];
  for (const [name, value] of given) if (!UPPER.has(name)) parameters.push([name, value]);
  const { set } = toMountAttr(options.flags, options.cleared);
  const gone: Policy = absent === null ? {} : { handle: [E.ENOENT], orElse: absent };
  const mounted = newFileSystem(x, "overlay", parameters, set, gone);
  for (const directory of [lower, upper, work]) b.close(directory);
  return mounted;
}

const PRIVATE = 0o700;

/** Makes an upper and a work directory on the tmpfs. */
function tmpUpper(
  x: InitContext,
  given: ReadonlyMap<string, string | null>,
  lower: Slot,
): readonly [upper: Slot, work: Slot] {
  const { b } = x;
  const scratch = scratchOf(x);
  const number = x.overlays++;
  const mode = given.get("mode") ?? "";
  const upper = madeDirectory(x, scratch, `upper${number}`, mode === "" ? PRIVATE : Number.parseInt(mode, 8));
  const work = madeDirectory(x, scratch, `work${number}`, PRIVATE);
  if (mode === "") b.copy(lower, upper, false);
  if (given.has("uid") || given.has("gid")) {
    const owner = (name: string) => Number(given.get(name) ?? -1);
    b.sys("fchownat", [upper, b.str(""), owner("uid"), owner("gid"), AT_EMPTY_PATH]);
  }
  return [upper, work];
}

function openHostDirectory(x: InitContext, path: string, options: MountOptions): Slot {
  return hasRealSource(options) ? openRealPath(x, path, O.DIRECTORY) : openDirectory(x, AT_FDCWD, path);
}

function openDirectory(x: InitContext, base: Slot | number, path: string): Slot {
  return x.b.get("openat", [base, x.b.str(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
}

function madeDirectory(x: InitContext, base: Slot, name: string, mode: number): Slot {
  x.b.sys("mkdirat", [base, x.b.str(name), mode]);
  return openDirectory(x, base, name);
}
