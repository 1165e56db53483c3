/** Mounts of the spec, in its order. */

import type { Mount } from "../spec/index.ts";
import { MOUNT_ATTR } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";
import { bindMount } from "./bind.ts";
import { mountCgroup } from "./cgroup-mounts.ts";
import type { InitContext } from "./context.ts";
import { labelled, labelMounted, mountLabel } from "./label.ts";
import {
  Extra,
  isBind,
  type MountOptions,
  NEW_MOUNT_FLAGS,
  parseMountOptions,
  toMountAttr,
} from "./mount-options.ts";
import { attach, cloneTree, propagate, setAttributes } from "./mount-tree.ts";
import { openTarget } from "./path.ts";
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
  if (x.scratch !== undefined) overlays().dropScratch(x);
  if (x.covered !== undefined) x.b.close(x.covered);
}

/** What containers without a bundle have, and hardly any other. */
function overlays(): typeof import("./overlay.ts") {
  return require("./overlay.ts");
}

/** Kernel file systems that a user namespace may not always mount, and where the host has them. */
const hostPaths: Readonly<Record<string, string>> = { sysfs: "/sys", mqueue: "/dev/mqueue" };

/** Where the host has this file system; undefined when it may not stand in for the container's own. */
function hostPath({ config }: InitContext, type: string): string | undefined {
  // With the host's /sys come its cgroups, which have to be read-only (CVE-2023-25809).
  if (type === "sysfs" && config.facts.lacking?.has("mount_setattr")) return undefined;
  return hostPaths[type];
}

function newMount(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { b } = x;
  const type = mount.type ?? "none";
  b.at(where, `mount ${type} on ${mount.destination}`);
  if (type === "tmpfs") mountTmpfs(x, mount, options);
  else mountKernel(x, mount, type, options);
  if (options.propagation.length === 0 && options.recursiveSet === 0 && options.recursiveClear === 0) return;
  const mounted = openTarget(x, mount.destination);
  setAttributes(x, mounted, options.recursiveSet, options.recursiveClear, true);
  propagate(x, mounted, options.propagation);
  b.close(mounted);
}

function mountKernel(x: InitContext, mount: Mount, type: string, options: MountOptions): void {
  const { b } = x;
  const own = type === "proc" || type === "sysfs";
  const target = openTarget(x, mount.destination, { create: "dir", noSymlinks: own });
  const source = b.str(mount.source ?? type);
  const data = own || type === "mqueue" ? dataOf(x, options) : labelled(x, options.data);
  const args = [source, b.fdPath(target), b.str(type), options.flags & NEW_MOUNT_FLAGS, data] as const;
  const host = x.config.privileged ? undefined : hostPath(x, type);
  const labels = type === "mqueue" && mountLabel(x) !== null;
  if (host === undefined) {
    b.sys("mount", args, { close: [target] });
    b.free(target);
    if (labels) labelMounted(x, mount.destination);
    return;
  }
  const bind = b.label();
  const ours = b.label();
  const done = b.label();
  b.sys("mount", args, { handle: [E.EPERM], orElse: bind, andThen: labels ? ours : done, close: [target] });
  b.mark(bind);
  // The network or ipc namespace belongs to another user namespace: the host's, as crun does.
  const tree = cloneTree(x, AT_FDCWD, host, true);
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  setAttributes(x, tree, set, clear, false);
  // Whatever the options say: they are about a sysfs of the container's own, without what the host has mounted below.
  if (type === "sysfs") setAttributes(x, tree, MOUNT_ATTR.RDONLY, 0, true);
  attach(x, tree, target);
  if (labels) {
    // What is the host's keeps its label.
    b.check(b.reserve(8, "0"), 1, 0, 0, E.EINVAL, { andThen: done });
    b.mark(ours);
    labelMounted(x, mount.destination);
  }
  b.mark(done);
}

function dataOf(x: InitContext, options: MountOptions) {
  return options.data === "" ? null : x.b.str(options.data);
}
