/** Bind mounts of the spec. Each source is opened at a moment when the process can reach it. */

import {
  Extra,
  exactMountAttr,
  isBind,
  type MountOptions,
  parseMountOptions,
  toMountAttr,
} from "../config/mount-options.ts";
import type { ContainerConfig } from "../config/types.ts";
import { Message } from "../plan/abi.ts";
import type { Slot } from "../plan/program.ts";
import type { Mount } from "../spec/index.ts";
import { FS_MAGIC, MOUNT_ATTR, MS } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, absolute, below, O } from "../sys/fs.ts";
import { any, each } from "../sys/lists.ts";
import { utf8 } from "../sys/utf8.ts";
import { IN_ROOT, type InitContext, MOUNT_ATTR_SIZE, mountAttr, OPEN_HOW_SIZE, openHow } from "./context.ts";
import { openFromRoot } from "./from-root.ts";
import { attach, attachOr, cloneTree, propagate, setAttributes, TIMES, tryAttributes } from "./mount-tree.ts";
import { components, openTarget } from "./path.ts";
import { fileSystemOf } from "./procfs.ts";
import { hasRealSource, hasRealTarget, openRealPath } from "./real-path.ts";

const READLINK_SIZE = 4096;
const AT_RECURSIVE = 0x8000;

/**
 * Opens the sources of bind mounts that only the caller with all its rights can reach, before the namespaces are
 * entered.
 */
export function openHostSources(x: InitContext): void {
  const { idmaps, hostOnly } = x.config.facts;
  if (idmaps === undefined && hostOnly === undefined) return;
  eachBind(x, (mount, index, options) => {
    const idmap = idmaps?.get(index);
    if (idmap === undefined ? !hostOnly?.has(index) : isOwnTree(x.config, mount, index)) return;
    const tree = openSource(x, mount, index, options, true);
    const slave = new Uint32Array([0, 0, 0, 0, MS.SLAVE, 0, 0, 0]);
    const attr = x.b.bytes(new Uint8Array(slave.buffer), "{propagation=SLAVE}");
    // The tree is a copy from the host's mount namespace, and would stay a peer of it.
    x.b.sys("mount_setattr", [tree, x.b.str(""), AT_EMPTY_PATH | AT_RECURSIVE, attr, MOUNT_ATTR_SIZE]);
    if (idmap !== undefined) mapIds(x, tree, index, idmap, (options.extra & Extra.RIDMAP) !== 0);
    x.trees?.set(index, tree);
  });
}

/**
 * Whether the source of an id-mapped mount is below the root, so that earlier mounts may lie over it. False for a
 * source that the container's root cannot reach.
 */
function isOwnTree({ rootfs, bundle, facts }: ContainerConfig, mount: Mount, index: number): boolean {
  return !facts.hostOnly?.has(index) && below(rootfs, absolute(mount.source ?? "", bundle)) !== null;
}

/**
 * Indexes in `mounts` of the id-mapped mounts that brun has to map while the others are made. Their sources are
 * below the root of a container in a user namespace, where the process itself cannot map ids any more.
 */
export function mappedByBrun(config: ContainerConfig): readonly number[] {
  const { idmaps } = config.facts;
  if (idmaps === undefined || config.privileged) return [];
  return [...idmaps.keys()].filter((index) => isOwnTree(config, config.spec.mounts![index]!, index));
}

/**
 * Opens further sources before the ids change, if the container's root is another user than the caller. Also opens
 * a copy of the host's own root before mounts lie over it.
 */
export function openCallerSources(x: InitContext): void {
  const { openSources, rootfs, spec } = x.config;
  const isRoot = ({ source }: Mount) => rootfs === "/" && source === "/";
  if (!openSources && !any(spec.mounts ?? [], isRoot)) return;
  eachBind(x, (mount, index, options) => {
    if (!openSources && !isRoot(mount)) return;
    // Whether such an entry still exists is decided only when it is mounted.
    if (x.trees?.has(index) || isLink(x, index) || (options.extra & Extra.FROM_ROOT) !== 0) return;
    // A source below the root may be covered by earlier mounts, so it is opened later.
    if (below(rootfs, absolute(mount.source ?? "", x.config.bundle)) !== null) return;
    x.trees?.set(index, openSource(x, mount, index, options));
  });
}

function eachBind(x: InitContext, visit: (mount: Mount, index: number, options: MountOptions) => void): void {
  x.trees ??= new Map();
  each(x.config.spec.mounts ?? [], (mount, index) => {
    const options = parseMountOptions(mount.options ?? []);
    if (isBind(mount, options)) visit(mount, index, options);
  });
}

function isLink(x: InitContext, index: number): boolean {
  return typeof x.config.facts.sources.get(index) === "object";
}

/**
 * A detached copy of the source with the mount's attributes.
 * @param outside whether this happens outside of the container's user namespace
 */
function openSource(
  x: InitContext,
  mount: Mount,
  index: number,
  options: MountOptions,
  outside = false,
): Slot {
  const source = absolute(mount.source ?? "", x.config.bundle);
  const recursive = (options.flags & MS.REC) !== 0;
  const nofollow = (options.extra & Extra.SRC_NOFOLLOW) !== 0;
  x.b.at(`mounts[${index}]`, { kind: "bind", source, target: mount.destination });
  if (!hasRealSource(options)) {
    const tree = cloneTree(x, AT_FDCWD, source, recursive, nofollow ? AT_SYMLINK_NOFOLLOW : 0);
    return withAttributes(x, tree, source, options, outside);
  }
  const opened = openRealPath(x, source, nofollow ? O.NOFOLLOW : 0);
  const tree = cloneTree(x, opened, "", recursive);
  x.b.close(opened);
  return withAttributes(x, tree, source, options, outside);
}

function withAttributes(
  x: InitContext,
  tree: Slot,
  source: string,
  options: MountOptions,
  outside = false,
): Slot {
  if (outside && !x.config.privileged) addAttributes(x, tree, options);
  else setBindAttributes(x, tree, options);
  const readonly = closesSysfs(x, source, options) ? MOUNT_ATTR.RDONLY : 0;
  setAttributes(x, tree, options.recursiveSet | readonly, options.recursiveClear, true);
  return tree;
}

/**
 * Whether a read-only bind of /sys is made read-only recursively. In a user namespace it stands for the
 * container's own sysfs, which would not show the host's cgroups (CVE-2023-25809).
 */
function closesSysfs({ config }: InitContext, source: string, options: MountOptions): boolean {
  return (
    source === "/sys" &&
    !config.privileged &&
    (options.flags & (MS.RDONLY | MS.REC)) === (MS.RDONLY | MS.REC) &&
    (options.recursiveClear & MOUNT_ATTR.RDONLY) === 0 &&
    !config.facts.lacking?.has("mount_setattr")
  );
}

/**
 * Binds an entry of the root file system as it was before mounts covered it. The entry has to be of the same type
 * as when it was listed, and must not be reached by a symbolic link.
 */
function bindEntry(
  x: InitContext,
  mount: Mount,
  index: number,
  options: MountOptions,
  type: "dir" | "file",
): void {
  const { b } = x;
  const source = absolute(mount.source ?? "", x.config.bundle);
  b.at(`mounts[${index}]`, { kind: "bind", source, target: mount.destination });
  const absent = b.label();
  const other = b.label();
  const entry = openFromRoot(x, source, type === "dir", absent);
  // The entry may have been removed since, or (EINVAL) was a link and is now a directory with mounts. execve
  // closes the descriptors that stay open on this path.
  const changed = { handle: [E.ENOENT, E.EINVAL], orElse: absent };
  const tree = cloneTree(x, entry, "", (options.flags & MS.REC) !== 0, 0, changed);
  withAttributes(x, tree, source, options);
  b.close(entry);
  const target = openTarget(x, mount.destination, { create: type });
  // EINVAL: the entry was a file and is a directory now.
  attachOr(x, tree, target, false, { handle: [E.EINVAL, E.ENOENT], orElse: other, andThen: absent });
  b.mark(other);
  b.sys("close", [tree]);
  b.sys("close", [target]);
  b.mark(absent);
}

/**
 * As runc: a bind mount for which any flag is given has exactly these flags, and one without keeps those of the
 * source. Flags that are locked in a user namespace stay. If root of the host asked to clear one, that fails.
 */
function setBindAttributes(x: InitContext, tree: Slot, { flags, cleared }: MountOptions): void {
  const given = toMountAttr(flags, cleared);
  const exact = exactMountAttr(flags, cleared);
  if (x.config.privileged) {
    tryAttributes(x, tree, [exact]);
    return;
  }
  // This flag is never locked, so it can always be cleared.
  const free = exact.clear & MOUNT_ATTR.NOSYMFOLLOW;
  const attempts = [exact];
  const clear = given.clear | free;
  if (clear !== exact.clear) attempts.push({ set: given.set, clear });
  const strict = x.config.facts.hostOnly !== undefined;
  const onlySet = given.set & ~TIMES;
  if (!strict && (given.clear !== 0 || onlySet !== given.set)) attempts.push({ set: onlySet, clear: free });
  tryAttributes(x, tree, attempts);
}

/** Offset of the mount's flags in struct statfs (statfs(2)). */
const STATFS_FLAGS = 80;

/** The statfs flags that belong to a mount and not to its file system. Their values are those of MOUNT_ATTR_*. */
const OWN_FLAGS = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;

/**
 * Sets flags on a source that is opened outside of the user namespace, under the rule that the kernel has inside:
 * flags of the host's mount are locked (mount_namespaces(7)). More can be set, none can be cleared, and asking for
 * that fails.
 */
function addAttributes(x: InitContext, tree: Slot, { flags, cleared }: MountOptions): void {
  const { set, clear } = toMountAttr(flags, cleared);
  const refused = clear & OWN_FLAGS;
  if (refused !== 0)
    x.b.check(x.b.inside(fileSystemOf(x, tree), STATFS_FLAGS), 4, BigInt(refused), 0, E.EPERM);
  tryAttributes(x, tree, [{ set, clear: clear & (MOUNT_ATTR.ATIME | MOUNT_ATTR.NOSYMFOLLOW) }]);
}

/** Gives the mount the id maps of the user namespace at `path` (mount_setattr(2), MOUNT_ATTR_IDMAP). */
function mapIds(x: InitContext, tree: Slot, index: number, path: string, recursive: boolean): void {
  const { b } = x;
  b.at(`mounts[${index}]`, { kind: "mapIds", source: x.config.spec.mounts![index]!.source ?? "" });
  const fd = b.get("openat", [AT_FDCWD, b.str(path), O.RDONLY | O.CLOEXEC, 0]);
  const attr = mountAttr(x, MOUNT_ATTR.IDMAP, 0);
  b.poke(b.inside(attr, 24), fd, 8);
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  b.sys("mount_setattr", [tree, b.str(""), flags, attr, MOUNT_ATTR_SIZE], { close: [fd] });
  b.free(fd);
}

/** Compiles one bind mount. */
export function bindMount(x: InitContext, mount: Mount, index: number, options: MountOptions): void {
  const { b, config } = x;
  const found = config.facts.sources.get(index);
  if (typeof found === "object") {
    copyLink(x, mount, index, found.link);
    return;
  }
  if ((options.extra & Extra.FROM_ROOT) !== 0) {
    const copies = found === "file" && (options.extra & Extra.TMPCOPYUP) !== 0;
    if (copies) copyEntry(x, mount, index);
    else if (typeof found === "string") bindEntry(x, mount, index, options, found);
    return;
  }
  const tree = x.trees?.get(index) ?? openSource(x, mount, index, options);
  const idmap = config.facts.idmaps?.get(index);
  if (idmap !== undefined && isOwnTree(config, mount, index)) {
    if (config.privileged) mapIds(x, tree, index, idmap, (options.extra & Extra.RIDMAP) !== 0);
    else b.send(Message.idmap, tree, Message.resume);
  }
  b.at(`mounts[${index}]`, { kind: "bind", source: mount.source ?? "", target: mount.destination });
  const propagates = options.propagation.length > 0;
  const target =
    (options.extra & Extra.DEST_NOFOLLOW) === 0
      ? openTarget(x, mount.destination, {
          create: found === "file" ? "file" : "dir",
          noSymlinks: hasRealTarget(options),
        })
      : openLink(x, mount.destination);
  attach(x, tree, target, propagates);
  if (!propagates) return;
  propagate(x, tree, options.propagation);
  b.close(tree);
}

/**
 * Copies a small file instead of binding it, so that the program can change and rename it. The copy keeps the
 * name.
 */
function copyEntry(x: InitContext, mount: Mount, index: number): void {
  const { b } = x;
  const source = absolute(mount.source ?? "", x.config.bundle);
  b.at(`mounts[${index}]`, { kind: "copy", source, target: mount.destination });
  const parts = components(mount.destination).slice(0, -1);
  const end = source.lastIndexOf("/");
  const name = source.slice(end + 1);
  const absent = b.label();
  const from = openFromRoot(x, source.slice(0, end) || "/", true, absent);
  const to = openTarget(x, parts.join("/"), { create: "dir" });
  b.copyFile(from, to, name, { handle: [E.ENOENT, E.ELOOP, E.EACCES, E.EFBIG] });
  b.close(to);
  b.close(from);
  b.mark(absent);
}

/**
 * crun's dest-nofollow: the destination exists. If it is a symbolic link, the mount covers the link itself, except
 * for the kernel's own links, such as /proc/self.
 */
function openLink(x: InitContext, destination: string): Slot {
  const { b } = x;
  const how = openHow(x, O.PATH | O.NOFOLLOW, IN_ROOT);
  const path = b.str(components(destination).join("/") || ".");
  const target = b.get("openat2", [x.root, path, how, OPEN_HOW_SIZE]);
  const statfs = fileSystemOf(x, target);
  const refused = b.label();
  const fine = b.label();
  each(KERNEL_LINKS, (magic, i) => {
    const next = i === KERNEL_LINKS.length - 1 ? fine : b.label();
    b.check(statfs, 4, 0xffffffffn, magic, E.EPERM, { handle: [E.EPERM], orElse: next, andThen: refused });
    if (next !== fine) b.mark(next);
  });
  b.mark(refused);
  b.check(b.reserve(1, "0"), 1, 0xff, 1, E.EPERM);
  b.mark(fine);
  return target;
}

/** File systems whose symbolic links are made by the kernel. */
const KERNEL_LINKS = [FS_MAGIC.PROC, FS_MAGIC.SYSFS, FS_MAGIC.DEVPTS];

/**
 * crun's copy-symlink: a source that is a symbolic link is made again in the container. A link with the same
 * target may be there already.
 */
function copyLink(x: InitContext, mount: Mount, index: number, link: string): void {
  const { b } = x;
  b.at(`mounts[${index}]`, { kind: "link", source: link, target: mount.destination });
  const parts = components(mount.destination);
  const inRoot = parts.length === 1;
  const directory = inRoot ? x.root : openTarget(x, parts.slice(0, -1).join("/"), { create: "dir" });
  const name = b.str(parts[parts.length - 1] ?? "");
  const exists = b.label();
  const done = b.label();
  b.sys("symlinkat", [b.str(link), directory, name], {
    handle: [E.EEXIST],
    orElse: exists,
    andThen: done,
  });
  b.mark(exists);
  const buffer = b.reserve(READLINK_SIZE, "link");
  b.sys("readlinkat", [directory, name, buffer, READLINK_SIZE - 1]);
  each(utf8(`${link}\0`), (byte, i) => {
    b.check(b.inside(buffer, i), 1, 0xff, byte, E.EEXIST);
  });
  b.mark(done);
  if (!inRoot) b.close(directory);
}
