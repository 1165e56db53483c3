/** The mounts of the spec, in the order of the spec. */

import {
  Extra,
  isBind,
  type MountOptions,
  NEW_MOUNT_FLAGS,
  parseMountOptions,
  toMountAttr,
} from "../config/mount-options.ts";
import type { Slot } from "../plan/program.ts";
import type { Mount } from "../spec/index.ts";
import { MOUNT_ATTR, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { each } from "../sys/lists.ts";
import { bindMount } from "./bind.ts";
import { mountCgroup } from "./cgroup-mounts.ts";
import type { InitContext } from "./context.ts";
import { labelled, labelMounted, mountLabel } from "./label.ts";
import { attach, changeMount, changesMount, cloneTree, move, setAttributes } from "./mount-tree.ts";
import { openTarget } from "./path.ts";
import { dropScratch, mountApart, scratchOf } from "./scratch.ts";
import { mountTmpfs } from "./tmpfs.ts";

/** Compiles spec.mounts. */
export function mounts(x: InitContext): void {
  each(x.config.spec.mounts ?? [], (mount, index) => {
    const options = parseMountOptions(mount.options ?? []);
    const where = `mounts[${index}]`;
    const special = mount.destination === "/" || (options.extra & (Extra.TMPUPPER | Extra.FROM_ROOT)) !== 0;
    if (special && overlays().isOverlayMount(mount, options))
      overlays().overlayMount(x, mount, where, options);
    else if (isBind(mount, options)) bindMount(x, mount, index, options);
    else if (mount.type === "cgroup" || (mount.type === "cgroup2" && x.config.facts.cgroup2))
      mountCgroup(x, mount, where, options);
    else newMount(x, mount, where, options);
  });
  dropScratch(x);
  if (x.covered !== undefined) x.b.close(x.covered);
}

/** Loaded late: nearly only containers without a bundle have such mounts. */
const overlays = lazy<typeof import("./overlay.ts")>(() => require("./overlay.ts"));
const tmpfile = lazy<typeof import("./tmpfile.ts")>(() => require("./tmpfile.ts"));

/** Kernel file systems that a user namespace may not always mount, and their paths on the host. */
const hostPaths: Readonly<Record<string, string>> = { sysfs: "/sys", mqueue: "/dev/mqueue" };

/** The host's path of this file system; undefined if it may not replace the container's own. */
function hostPath({ config }: InitContext, type: string): string | undefined {
  // The host's /sys contains its cgroups, which have to be read-only (CVE-2023-25809).
  if (type === "sysfs" && config.facts.lacking?.has("mount_setattr")) return undefined;
  return hostPaths[type];
}

function newMount(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const type = mount.type ?? "none";
  x.b.at(where, { kind: "mount", fsType: type, target: mount.destination });
  if (type === "tmpfs" && (options.extra & Extra.TMPFILE) !== 0) tmpfile().mountTmpfile(x, mount, options);
  else if (type === "tmpfs") mountTmpfs(x, mount, options);
  else mountKernel(x, mount, type, options);
}

function mountKernel(x: InitContext, mount: Mount, type: string, options: MountOptions): void {
  const { b } = x;
  const own = type === "proc" || type === "sysfs";
  const labels = type === "mqueue" && mountLabel(x) !== null;
  const remount = (options.flags & MS.REMOUNT) !== 0;
  const kept = !remount && (labels || changesMount(options)) ? b.slot() : null;
  if (kept !== null) scratchOf(x);
  const target = openTarget(x, mount.destination, { create: "dir", noSymlinks: own });
  const source = b.str(mount.source ?? type);
  const data = own || type === "mqueue" ? dataOf(x, options) : labelled(x, options.data);
  const flags = options.flags & NEW_MOUNT_FLAGS;
  const args = [source, b.fdPath(target), b.str(type), flags, data] as const;
  if (remount && changesMount(options)) {
    b.sys("mount", args);
    changeMount(x, target, options);
    b.close(target);
    return;
  }
  const host = x.config.privileged ? undefined : hostPath(x, type);
  const bind = b.label();
  const done = b.label();
  const refused = host === undefined ? {} : { handle: [E.EPERM], orElse: bind };
  const mounted = host === undefined ? {} : { andThen: done };
  if (kept === null) b.sys("mount", args, { ...refused, ...mounted, close: [target] });
  else {
    mountApart(x, { source, type: b.str(type), flags, data }, kept, refused);
    if (labels) labelMounted(x, kept);
    move(x, kept, target, { ...mounted, close: [target] });
  }
  if (host === undefined) b.free(target);
  else {
    b.mark(bind);
    bindHost(x, type, host, options, target, kept);
  }
  b.mark(done);
  if (kept === null) return;
  changeMount(x, kept, options);
  b.close(kept);
}

/**
 * Binds the host's file system, as crun does, if the network or ipc namespace belongs to another user namespace.
 * It keeps its label.
 * @param kept the slot for the mount; null for none
 */
function bindHost(
  x: InitContext,
  type: string,
  path: string,
  options: MountOptions,
  target: Slot,
  kept: Slot | null,
): void {
  const tree = cloneTree(x, AT_FDCWD, path, true, 0, kept === null ? {} : { out: kept });
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  setAttributes(x, tree, set, clear, false);
  // The options are meant for the container's own sysfs, which would not have the host's mounts below it. So they
  // do not decide.
  if (type === "sysfs") setAttributes(x, tree, MOUNT_ATTR.RDONLY, 0, true);
  attach(x, tree, target, kept !== null);
}

function dataOf(x: InitContext, options: MountOptions) {
  return options.data === "" ? null : x.b.str(options.data);
}
