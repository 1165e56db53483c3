/** linux.maskedPaths and linux.readonlyPaths. */

import type { Blob, Policy, Slot } from "../plan/program.ts";
import {
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  STATX,
} from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, O, S } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";
import type { InitContext } from "./context.ts";
import { mountLabel } from "./label.ts";
import { attach, cloneTree, setAttributes } from "./mount-tree.ts";
import { newFileSystem, type Parameter } from "./new-file-system.ts";
import { openIfThere, relative } from "./path.ts";

/**
 * Bind-mounts each read-only path over itself, read-only. Missing and empty paths are skipped. Relative ones start
 * at the root, as for runc and crun.
 */
export function readonlyPaths(x: InitContext): void {
  const { b } = x;
  each(x.config.spec.linux?.readonlyPaths ?? [], (path, i) => {
    if (path === "") return;
    b.at(`linux.readonlyPaths[${i}]`, { kind: "readOnly", path });
    const absent = b.label();
    const target = openIfThere(x, path, absent);
    const tree = cloneTree(x, target, "", true);
    setAttributes(x, tree, MOUNT_ATTR.RDONLY, 0, false);
    attach(x, tree, target);
    b.mark(absent);
  });
}

/**
 * Covers files with /dev/null and directories with an empty read-only tmpfs. Missing, empty and relative paths are
 * treated as by {@link readonlyPaths}.
 */
export function maskedPaths(x: InitContext): void {
  const { b } = x;
  const paths = x.config.spec.linux?.maskedPaths ?? [];
  if (paths.length === 0) return;
  const empty = b.str("");
  b.at("linux.maskedPaths", { kind: "openNull" });
  const nul = b.get("openat", [AT_FDCWD, b.str("/dev/null"), O.PATH | O.CLOEXEC, 0]);
  // A mask of any other file would not protect the path (CVE-2025-31133).
  const statx = b.reserve(STATX.SIZE, "statx");
  b.sys("statx", [nul, empty, AT_EMPTY_PATH, STATX.BASIC_STATS, statx]);
  b.check(b.inside(statx, STATX.MODE), 2, S.IFMT, S.IFCHR, E.ENOTBLK);
  b.check(b.inside(statx, 0x80), 8, -1n, (3n << 32n) | 1n, E.ENOTBLK);
  b.at("linux.maskedPaths", { kind: "maskTmpfs" });
  const cover = emptyTmpfs(x);
  const covers: Covers = { nul, cover, attached: b.reserve(8, "0"), statx };
  const seen = new Set<string>();
  each(paths, (path, i) => {
    const name = relative(path);
    if (path === "" || seen.has(name)) return;
    seen.add(name);
    b.at(`linux.maskedPaths[${i}]`, { kind: "mask", path });
    maskPath(x, name, covers);
  });
  b.close(cover);
  b.close(nul);
}

const CLONE_FD = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
const MOVE_FD = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

/** What covers paths, and memory for the answer to what each is. */
interface Covers {
  /** The host's /dev/null. */
  readonly nul: Slot;
  /** An empty tmpfs. */
  readonly cover: Slot;
  /** Whether a directory has got the tmpfs itself. */
  readonly attached: Blob;
  readonly statx: Blob;
}

/**
 * Covers a file with /dev/null, or a directory with the empty tmpfs. The first directory gets the tmpfs itself, the
 * others clones of it. No mount is made in vain: to drop one takes the kernel up to half a millisecond.
 */
function maskPath(x: InitContext, path: string, { nul, cover, attached, statx }: Covers): void {
  const { b } = x;
  const empty = b.str("");
  const [absent, file, more, done] = [b.label(), b.label(), b.label(), b.label()];
  // A path that the container's root may not reach (EACCES) may be open to other users in the container, so that
  // is an error.
  const target = openIfThere(x, path, absent);
  const move = (mount: Slot, policy: Policy) =>
    b.sys("move_mount", [mount, empty, target, empty, MOVE_FD], policy);
  b.sys("statx", [target, empty, AT_EMPTY_PATH, STATX.TYPE, statx]);
  b.check(b.inside(statx, STATX.MODE), 2, S.IFMT, S.IFDIR, E.ENOTDIR, { handle: [E.ENOTDIR], orElse: file });
  b.check(attached, 1, 0xff, 0, E.EEXIST, { handle: [E.EEXIST], orElse: more });
  b.poke(attached, 1, 4);
  move(cover, { andThen: done, close: [target] });
  b.mark(more);
  const tree = b.get("open_tree", [cover, empty, CLONE_FD]);
  move(tree, { andThen: done, close: [tree, target] });
  b.mark(file);
  b.get("open_tree", [nul, empty, CLONE_FD], { out: tree });
  move(tree, { close: [tree, target] });
  b.mark(done);
  b.free(tree);
  b.free(target);
  b.mark(absent);
}

/**
 * A read-only tmpfs with room for its root alone, mounted nowhere yet. It is known by its descriptor, since a path
 * to a mounted one could be redirected.
 */
function emptyTmpfs(x: InitContext): Slot {
  const label = mountLabel(x);
  const parameters: Parameter[] = [
    ["source", "tmpfs"],
    ["nr_blocks", "1"],
    ["nr_inodes", "1"],
  ];
  if (label !== null) parameters.push([label.option, label.label]);
  parameters.push(["ro", null]);
  return newFileSystem(x, "tmpfs", parameters, MOUNT_ATTR.RDONLY);
}
