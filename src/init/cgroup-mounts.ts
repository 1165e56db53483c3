/** The `cgroup` mount: cgroup2, or on a v1 or hybrid host a tmpfs with a directory for each hierarchy. */

import { type MountOptions, toMountAttr } from "../config/mount-options.ts";
import { ANY, type Label, type Slot } from "../plan/program.ts";
import type { Mount } from "../spec/index.ts";
import { CLONE, MOUNT_ATTR, MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/fs.ts";
import { any, each, filtered } from "../sys/lists.ts";
import { IN_ROOT, type InitContext } from "./context.ts";
import { attach, cloneTree, setAttributes } from "./mount-tree.ts";
import { newFileSystem } from "./new-file-system.ts";
import { openTarget, relative } from "./path.ts";

/**
 * Compiles one mount of type cgroup. Without a hierarchy on the host nothing is mounted, and the directory may be
 * missing, too: bubblewrap's containers have an empty /sys.
 */
export function mountCgroup(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { cgroup2, cgroupBinds } = x.config.facts;
  if (!cgroup2 && cgroupBinds.length === 0) return;
  x.b.at(where, { kind: "mount", fsType: "cgroup", target: mount.destination });
  if (cgroup2) mountUnified(x, mount, options);
  else mountHierarchies(x, mount, where, options);
}

/**
 * In a cgroup namespace, mounts cgroup2. mount(2) fails over another cgroup2, which a bind of the host's /sys
 * brings, so move_mount(2) attaches it. If the kernel refuses (because of a filter around brun, or a namespace of
 * another user), the host's cgroup2 is bound instead. That shows all cgroups, so it is read-only whatever the
 * options say (CVE-2023-25809).
 *
 * Without a cgroup namespace the host's cgroup2 is always bound: a new mount would set the options of the whole
 * hierarchy, and drop its nsdelegate. Only root of the host may have it writable.
 */
function mountUnified(x: InitContext, mount: Mount, options: MountOptions): void {
  const { b, config } = x;
  const target = openTarget(x, mount.destination, { create: "dir" });
  const done = b.label();
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  const namespaced =
    (config.cloneFlags & CLONE.NEWCGROUP) !== 0 || any(config.joins, (join) => join.flag === CLONE.NEWCGROUP);
  if (namespaced) mountOwn(x, target, options, set, done);
  const readonly = namespaced || !config.privileged ? MOUNT_ATTR.RDONLY : 0;
  const tree = cloneTree(x, AT_FDCWD, "/sys/fs/cgroup", true);
  setAttributes(x, tree, set | readonly, clear & ~readonly, false);
  // Some hosts have v1 hierarchies mounted below.
  if (readonly !== 0 && !config.facts.lacking?.has("mount_setattr"))
    setAttributes(x, tree, readonly, 0, true);
  attach(x, tree, target);
  b.mark(done);
}

/** Mounts the cgroup2 of a cgroup namespace and goes to `done`, or continues if the kernel refuses. */
function mountOwn(
  x: InitContext,
  target: Slot,
  options: MountOptions,
  attributes: number,
  done: Label,
): void {
  const { b } = x;
  const again = b.label();
  const refused = b.label();
  const flags = options.flags & ~(MS.BIND | MS.REC);
  const data = options.data === "" ? null : b.str(options.data);
  b.sys("mount", [b.str("cgroup2"), b.fdPath(target), b.str("cgroup2"), flags, data], {
    handle: [E.EPERM, E.EBUSY],
    orElse: again,
    andThen: done,
    close: [target],
  });
  b.mark(again);
  const mounted = newFileSystem(x, "cgroup2", [], attributes, { handle: [ANY], orElse: refused });
  const empty = b.str("");
  const move = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  b.sys("move_mount", [mounted, empty, target, empty, move], { close: [mounted, target], andThen: done });
  b.free(mounted);
  b.mark(refused);
}

function mountHierarchies(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { b, config } = x;
  const target = openTarget(x, mount.destination, { create: "dir" });
  const attributes = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;
  const parameters = [["source", "tmpfs"] as const, ["mode", "755"] as const];
  const mounted = newFileSystem(x, "tmpfs", parameters, attributes);
  attach(x, mounted, target, true);
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  // A container without a cgroup shares brun's, and other processes are in that: only root of the host may write it.
  const readonly = config.cgroup === null && !config.privileged ? MOUNT_ATTR.RDONLY : 0;
  for (const { name, source } of config.facts.cgroupBinds) {
    b.at(where, { kind: "bind", source, target: `${mount.destination}/${name}` });
    const skip = b.label();
    const absent = { handle: [E.ENOENT], orElse: skip };
    const tree = cloneTree(x, AT_FDCWD, source, false, 0, absent);
    setAttributes(x, tree, set | readonly, clear & ~readonly, false);
    attach(x, tree, b.target(mounted, relative(name), IN_ROOT, "dir"));
    b.mark(skip);
  }
  linkMerged(x, mount, where, mounted);
  if ((options.flags & MS.RDONLY) !== 0) {
    b.at(where, { kind: "readOnly", path: mount.destination });
    setAttributes(x, mounted, MOUNT_ATTR.RDONLY, 0, false);
  }
  b.close(mounted);
}

/** Links "cpu" and "cpuacct" to "cpu,cpuacct", as on the host: programs look for a controller by its own name. */
function linkMerged(x: InitContext, mount: Mount, where: string, mounted: Slot): void {
  const { b, config } = x;
  const merged = filtered(config.facts.cgroupBinds, ({ name }) => name.includes(","));
  each(merged, ({ name }) => {
    each(name.split(","), (controller) => {
      b.at(where, { kind: "link", source: name, target: `${mount.destination}/${controller}` });
      b.sys("symlinkat", [b.str(name), mounted, b.str(controller)], { handle: [E.EEXIST] });
    });
  });
}
