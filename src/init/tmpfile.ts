/**
 * brun's option "tmpfile": a tmpfs for a mount point that is a file. A file system cannot be mounted on a file, so
 * an empty file of the tmpfs is bound there.
 */
import { type MountOptions, NEW_MOUNT_FLAGS } from "../config/mount-options.ts";
import type { Mount } from "../spec/index.ts";
import { MNT_DETACH, MOUNT_ATTR, MS } from "../sys/constants.ts";
import { O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { labelledText } from "./label.ts";
import { attach, changeMount, cloneTree, setAttributes } from "./mount-tree.ts";
import { openTarget } from "./path.ts";
import { mountApart, scratchOf } from "./scratch.ts";

const DEFAULT_MODE = 0o644;

/** Compiles such a mount. "mode=" is the mode of the file. */
export function mountTmpfile(x: InitContext, mount: Mount, options: MountOptions): void {
  const { b } = x;
  scratchOf(x);
  const flags = options.flags & NEW_MOUNT_FLAGS;
  const data = labelledText(x, options.data);
  const place = b.slot();
  const made = {
    source: b.str(mount.source ?? "tmpfs"),
    type: b.str("tmpfs"),
    flags: flags & ~MS.RDONLY,
    data: data === "" ? null : b.str(data),
  };
  mountApart(x, made, place);
  const file = b.get("openat", [place, b.str("file"), O.RDONLY | O.CREAT | O.EXCL | O.CLOEXEC, 0o600]);
  b.sys("fchmod", [file, modeOf(options)]);
  const tree = cloneTree(x, file, "", false);
  b.close(file);
  b.sys("umount2", [b.fdPath(place), MNT_DETACH]);
  b.close(place);
  if ((flags & MS.RDONLY) !== 0) setAttributes(x, tree, MOUNT_ATTR.RDONLY, 0, false);
  attach(x, tree, openTarget(x, mount.destination, { create: "file" }), true);
  changeMount(x, tree, options);
  b.close(tree);
}

function modeOf({ parameters }: MountOptions): number {
  const mode = parameters.findLast((parameter) => parameter.startsWith("mode="));
  return mode === undefined ? DEFAULT_MODE : Number.parseInt(mode.slice("mode=".length), 8);
}
