/** The `cgroup` mount: cgroup2, or on a v1 or hybrid host a tmpfs with a directory for each hierarchy. */
import type { Mount } from "../spec/index.ts";
import { MOUNT_ATTR, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/fs.ts";
import { each, filtered } from "../sys/lists.ts";
import type { InitContext } from "./context.ts";
import { type MountOptions, toMountAttr } from "./mount-options.ts";
import { attach, cloneTree, setAttributes } from "./mount-tree.ts";
import { openTarget } from "./path.ts";

/** Compiles one mount of type cgroup. */
export function mountCgroup(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  x.b.at(where, `mount cgroup on ${mount.destination}`);
  if (x.config.facts.cgroup2) mountUnified(x, mount, options);
  else mountHierarchies(x, mount, where, options);
}

/**
 * Mounts cgroup2; where the kernel refuses (no cgroup namespace of the user namespace's own, or a filter around brun),
 * binds the host's instead. That shows all cgroups, so it is read-only whatever the options say (CVE-2023-25809).
 */
function mountUnified(x: InitContext, mount: Mount, options: MountOptions): void {
  const { b } = x;
  const bind = b.label();
  const done = b.label();
  const target = openTarget(x, mount.destination, { create: "dir" });
  const flags = options.flags & ~(MS.BIND | MS.REC);
  const data = options.data === "" ? null : b.str(options.data);
  b.sys("mount", [b.str("cgroup2"), b.fdPath(target), b.str("cgroup2"), flags, data], {
    handle: [E.EPERM, E.EBUSY],
    orElse: bind,
    andThen: done,
  });
  b.mark(bind);
  const tree = cloneTree(x, AT_FDCWD, "/sys/fs/cgroup", true);
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  setAttributes(x, tree, set | MOUNT_ATTR.RDONLY, clear & ~MOUNT_ATTR.RDONLY, false);
  attach(x, tree, target);
  b.mark(done);
}

function mountHierarchies(x: InitContext, mount: Mount, where: string, options: MountOptions): void {
  const { b, config } = x;
  const target = openTarget(x, mount.destination, { create: "dir" });
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  b.sys("mount", [b.str("tmpfs"), b.fdPath(target), b.str("tmpfs"), flags, b.str("mode=755")], {
    close: [target],
  });
  b.free(target);
  const { set, clear } = toMountAttr(options.flags, options.cleared);
  for (const { name, source } of config.facts.cgroupBinds) {
    b.at(where, `bind ${source} on ${mount.destination}/${name}`);
    const skip = b.label();
    const absent = { handle: [E.ENOENT], orElse: skip };
    const tree = cloneTree(x, AT_FDCWD, source, false, 0, absent);
    setAttributes(x, tree, set, clear, false);
    attach(x, tree, openTarget(x, `${mount.destination}/${name}`, { create: "dir" }));
    b.mark(skip);
  }
  linkMerged(x, mount, where);
  if ((options.flags & MS.RDONLY) === 0) return;
  b.at(where, `make ${mount.destination} read-only`);
  const mounted = openTarget(x, mount.destination);
  setAttributes(x, mounted, MOUNT_ATTR.RDONLY, 0, false);
  b.close(mounted);
}

/** "cpu" and "cpuacct" lead to "cpu,cpuacct", as on the host: what reads a controller's files knows only its name. */
function linkMerged(x: InitContext, mount: Mount, where: string): void {
  const { b, config } = x;
  const merged = filtered(config.facts.cgroupBinds, ({ name }) => name.includes(","));
  if (merged.length === 0) return;
  const mounted = openTarget(x, mount.destination);
  each(merged, ({ name }) => {
    each(name.split(","), (controller) => {
      b.at(where, `link ${mount.destination}/${controller} to ${name}`);
      b.sys("symlinkat", [b.str(name), mounted, b.str(controller)], { handle: [E.EEXIST] });
    });
  });
  b.close(mounted);
}
