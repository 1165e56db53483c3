/**
 * Mounts that replace the root ("/"), as crun has them, and overlays that brun builds for options of its own. With
 * "tmpupper" the upper directory is on a tmpfs that ends with the container. With "from-root" the lower one is an
 * entry of the root.
 */

import { Extra, isBind, type MountOptions, NEW_MOUNT_FLAGS, toMountAttr } from "../config/mount-options.ts";
import type { Label, Policy, Slot } from "../plan/program.ts";
import type { Mount } from "../spec/index.ts";
import { MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, absolute, O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { openFromRoot } from "./from-root.ts";
import { attach, changesMount, cloneTree, move, propagate, setAttributes } from "./mount-tree.ts";
import { newFileSystem, type Parameter, parametersOf } from "./new-file-system.ts";
import { openTarget } from "./path.ts";
import { hasRealSource, openRealPath } from "./real-path.ts";
import { scratchOf } from "./scratch.ts";

const BUILT = Extra.TMPUPPER | Extra.FROM_ROOT;

/** Whether a mount is an overlay that brun builds. A bind mount with "from-root" is none. */
function isBuilt(mount: Mount, options: MountOptions): boolean {
  return (options.extra & BUILT) !== 0 && !isBind(mount, options);
}

/** Whether this module makes a mount. */
export function isOverlayMount(mount: Mount, options: MountOptions): boolean {
  return mount.destination === "/" || isBuilt(mount, options);
}

/** Compiles such a mount. */
export function overlayMount(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { b } = x;
  const type = mount.type ?? "none";
  b.at(where, { kind: "mount", fsType: type, target: mount.destination });
  const absent = b.label();
  const built = isBuilt(mount, options);
  if (built && mount.destination !== "/" && !changesMount(options)) {
    mountBuilt(x, mount.destination, options, absent);
    b.mark(absent);
    return;
  }
  const mounted = built
    ? builtOverlay(x, options, mount.destination === "/" ? null : absent)
    : isBind(mount, options)
      ? bound(x, mount, options)
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
  if (x.config.rootfs === "/") x.overRoot += (x.ownRoot ? 1 : 0) + (x.scratch === undefined ? 0 : 1);
  delete x.scratch;
  propagate(x, mounted, options.propagation);
  // The first root stays open: later mounts may want entries of it.
  if (x.covered === undefined) x.covered = x.root;
  else b.close(x.root);
  x.root = mounted;
  x.ownRoot = true;
  x.fresh = !built && type === "tmpfs";
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

/** A directory of an overlay: a descriptor, and a path below it. */
interface Layer {
  readonly fd: Slot;
  readonly below: string;
}

/** The directories of an overlay. Those with a path below the descriptor are on the tmpfs. */
interface Layers {
  readonly lowerdir: Layer;
  readonly upperdir: Layer;
  readonly workdir: Layer;
}

/**
 * Opens the directories of an overlay of one directory over another. They are handed over as descriptors, so that
 * no character of a path has a special meaning. With "tmpupper" the upper directory has the mode of the lower one,
 * or that of "mode=", and the owner of "uid=" and "gid=".
 * @param absent where to go on if a lower directory with "from-root" is gone; null makes that an error
 */
function openLayers(
  x: InitContext,
  options: MountOptions,
  given: ReadonlyMap<string, string | null>,
  absent: Label | null,
): Layers {
  const path = given.get("lowerdir") ?? "/";
  // A missing lower directory jumps over later operations, so the scratch is made before. The other directories
  // are opened before the scratch covers them.
  if ((options.extra & BUILT) === BUILT) scratchOf(x);
  const lower =
    (options.extra & Extra.FROM_ROOT) !== 0
      ? openFromRoot(x, path, true, absent)
      : openHostDirectory(x, path, options);
  const whole = (fd: Slot): Layer => ({ fd, below: "" });
  if ((options.extra & Extra.TMPUPPER) !== 0) return { lowerdir: whole(lower), ...tmpUpper(x, given, lower) };
  return {
    lowerdir: whole(lower),
    upperdir: whole(openHostDirectory(x, given.get("upperdir") ?? "", options)),
    workdir: whole(openHostDirectory(x, given.get("workdir") ?? "", options)),
  };
}

function closeLayers({ b }: InitContext, layers: Layers): void {
  for (const { fd, below } of Object.values(layers) as Layer[]) if (below === "") b.close(fd);
}

/**
 * Makes an overlay that is mounted nowhere yet.
 * @param absent see {@link openLayers}
 */
function builtOverlay(x: InitContext, options: MountOptions, absent: Label | null): Slot {
  const given = new Map(pairs(options.parameters));
  const layers = openLayers(x, options, given, absent);
  const parameters: Parameter[] = [["source", "overlay"]];
  for (const [name, { fd, below }] of Object.entries(layers) as [string, Layer][])
    parameters.push([name, x.b.fdText([fd, below])]);
  for (const [name, value] of given) if (!UPPER.has(name)) parameters.push([name, value]);
  const { set } = toMountAttr(options.flags, options.cleared);
  const mounted = newFileSystem(x, "overlay", parameters, set, goneTo(absent));
  closeLayers(x, layers);
  return mounted;
}

/**
 * Mounts an overlay at its mount point with a single call instead of some ten. This matters, since a sandbox of
 * the host has an overlay for each directory of /.
 * @param absent see {@link openLayers}
 */
function mountBuilt(x: InitContext, destination: string, options: MountOptions, absent: Label): void {
  const { b } = x;
  const given = new Map(pairs(options.parameters));
  const layers = openLayers(x, options, given, absent);
  const data: (string | Slot)[] = [];
  for (const [name, { fd, below }] of Object.entries(layers) as [string, Layer][])
    data.push(data.length === 0 ? `${name}=` : `,${name}=`, fd, below);
  for (const [name, value] of given)
    if (!UPPER.has(name)) data.push(value === null ? `,${name}` : `,${name}=${value}`);
  const text = b.fdText(data);
  const target = openTarget(x, destination, { create: "dir" });
  const name = b.str("overlay");
  const flags = options.flags & NEW_MOUNT_FLAGS;
  b.sys("mount", [name, b.fdPath(target), name, flags, text], { ...goneTo(absent), close: [target] });
  b.free(target);
  closeLayers(x, layers);
}

/** The policy of the call that uses the lower directory, which may be gone by then. */
function goneTo(absent: Label | null): Policy {
  return absent === null ? {} : { handle: [E.ENOENT], orElse: absent };
}

const PRIVATE = 0o700;

/** Makes an upper and a work directory on the tmpfs. */
function tmpUpper(
  x: InitContext,
  given: ReadonlyMap<string, string | null>,
  lower: Slot,
): Pick<Layers, "upperdir" | "workdir"> {
  const { b } = x;
  const fd = scratchOf(x);
  const number = x.overlays++;
  const [upper, work] = [`upper${number}`, `work${number}`];
  const mode = given.get("mode") ?? "";
  b.sys("mkdirat", [fd, b.str(upper), mode === "" ? PRIVATE : Number.parseInt(mode, 8)]);
  b.sys("mkdirat", [fd, b.str(work), PRIVATE]);
  if (mode === "") {
    const made = openDirectory(x, fd, upper);
    b.copy(lower, made, false);
    b.close(made);
  }
  if (given.has("uid") || given.has("gid")) {
    const owner = (name: string) => Number(given.get(name) ?? -1);
    b.sys("fchownat", [fd, b.str(upper), owner("uid"), owner("gid"), 0]);
  }
  return { upperdir: { fd, below: `/${upper}` }, workdir: { fd, below: `/${work}` } };
}

function openHostDirectory(x: InitContext, path: string, options: MountOptions): Slot {
  return hasRealSource(options) ? openRealPath(x, path, O.DIRECTORY) : openDirectory(x, AT_FDCWD, path);
}

function openDirectory(x: InitContext, base: Slot | number, path: string): Slot {
  return x.b.get("openat", [base, x.b.str(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
}
