/** The root file system is made a mount, and becomes the root later. */
import {
  AT_RECURSIVE,
  CLONE,
  MNT_DETACH,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { setAttributes } from "./mount-tree.ts";
import { openRealPath } from "./real-path.ts";

const propagations: Readonly<Record<string, number>> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
  unbindable: MS.UNBINDABLE,
  runbindable: MS.UNBINDABLE | MS.REC,
};

/** linux.rootfsPropagation as mount(2) flags; rslave by default, as in runc. */
function rootPropagation(x: InitContext): number {
  return propagations[x.config.spec.linux?.rootfsPropagation ?? "rslave"] ?? MS.SLAVE | MS.REC;
}

/** Separates the mount namespace from the host's. This needs no ids, so it comes before they are mapped. */
export function isolateMounts(x: InitContext): void {
  const { b } = x;
  const wanted = rootPropagation(x);
  b.at("linux.rootfsPropagation", { kind: "propagation", of: "/" });
  if ((wanted & MS.SHARED) !== 0) {
    b.sys("mount", [null, b.str("/"), null, wanted, null]);
    privateParent(x);
    return;
  }
  // An unbindable mount could not become the root, so that propagation is set at the end.
  const first = (wanted & MS.UNBINDABLE) !== 0 ? MS.PRIVATE : wanted;
  b.sys("mount", [null, b.str("/"), null, first | MS.REC, null]);
}

/**
 * Makes the mount that the root is on private. With rootfsPropagation "shared" mounts stay peers of the host's, so
 * that mounts below a shared bind mount are seen there, too. The root must not appear on the host, and
 * pivot_root(2) refuses shared parents.
 */
function privateParent(x: InitContext): void {
  const { b } = x;
  const parts = x.config.rootfs.split("/").filter((part) => part !== "");
  const found = b.label();
  for (let n = parts.length; n >= 0; n--) {
    const path = b.str(`/${parts.slice(0, n).join("/")}`);
    // EINVAL: not a mount point.
    const policy = n === 0 ? {} : { handle: [E.EINVAL], andThen: found };
    b.sys("mount", [null, path, null, MS.PRIVATE, null], policy);
  }
  b.mark(found);
}

/** Makes the root a mount, unless the first mount replaces it, and keeps it in `x.root`. */
export function openRoot(x: InitContext): void {
  const { b, config } = x;
  b.at("root.path", { kind: "openRoot", path: config.rootfs });
  const directory = config.realRoot
    ? openRealPath(x, config.rootfs, O.DIRECTORY)
    : b.get("openat", [AT_FDCWD, b.str(config.rootfs), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  if (config.spec.mounts?.[0]?.destination === "/") {
    b.free(x.root);
    x.root = directory;
    return;
  }
  x.ownRoot = true;
  const empty = b.str("");
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
  b.get("open_tree", [directory, empty, flags], { out: x.root });
  b.sys("move_mount", [x.root, empty, directory, empty, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH]);
  b.close(directory);
}

/** Makes the root read-only if the spec says so. */
export function readonlyRoot(x: InitContext): void {
  if (!x.config.spec.root?.readonly) return;
  x.b.at("root.readonly", { kind: "rootReadOnly" });
  setAttributes(x, x.root, MOUNT_ATTR.RDONLY, 0, false);
}

/**
 * Unmounts the host's procfs and sysfs before --no-pivot. Without pivot_root(2) the old root stays below the new
 * one. A procfs in it without masks would let a user namespace of the container mount another such procfs
 * (mount_namespaces(7)).
 */
function hideKernelMounts(x: InitContext): void {
  const { b } = x;
  // The last mounted comes first, since there may be further mounts below /proc.
  for (const path of [...(x.config.facts.kernelMounts ?? [])].reverse()) {
    b.at("--no-pivot", { kind: "unmount", path: `the host's ${path}` });
    const locked = b.label();
    const done = b.label();
    const at = b.str(path);
    // The mount is made a slave, so that unmounting it here does not unmount it on the host.
    b.sys("mount", [null, at, null, MS.SLAVE | MS.REC, null]);
    b.sys("umount2", [at, MNT_DETACH], { handle: [E.EINVAL, E.EPERM], orElse: locked, andThen: done });
    b.mark(locked);
    b.sys("mount", [b.str("tmpfs"), at, b.str("tmpfs"), MS.RDONLY, null]);
    b.mark(done);
  }
  b.at("root.path", { kind: "enterRoot" });
}

/** Enters the root: pivot_root(2), or with --no-pivot a moved mount and chroot(2). */
export function enterRoot(x: InitContext): void {
  const { b, config } = x;
  const hasMountNamespace = (config.cloneFlags & CLONE.NEWNS) !== 0;
  b.at("root.path", { kind: "enterRoot" });
  const dot = b.str(".");
  if (config.noPivot || !hasMountNamespace) {
    if (hasMountNamespace) hideKernelMounts(x);
    b.sys("fchdir", [x.root]);
    if (hasMountNamespace) b.sys("mount", [dot, b.str("/"), null, MS.MOVE, null]);
    b.sys("chroot", [dot]);
    b.sys("chdir", [b.str("/")]);
  } else {
    const old = b.get("openat", [AT_FDCWD, b.str("/"), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
    b.sys("fchdir", [x.root]);
    b.sys("pivot_root", [dot, dot]);
    // The old root is stacked on the new one. It is a slave, so that the host's peers do not see it go.
    b.sys("fchdir", [old]);
    b.sys("mount", [null, dot, null, MS.SLAVE | MS.REC, null]);
    // With root.path "/" other mounts may still cover the old root. Each call removes the topmost one.
    for (let i = 0; i <= x.overRoot; i++) b.sys("umount2", [dot, MNT_DETACH]);
    b.sys("chdir", [b.str("/")]);
    b.close(old);
  }
  const wanted = rootPropagation(x);
  if (hasMountNamespace && (wanted & (MS.SHARED | MS.UNBINDABLE)) !== 0) {
    b.at("linux.rootfsPropagation", { kind: "propagation", of: "the container's root" });
    b.sys("mount", [null, b.str("/"), null, wanted, null]);
  }
}
