/**
 * Paths of the host that had no symbolic links when brun decided by them. If there is one now, another user has
 * replaced a directory by it, and opening the path fails (openat2(2), RESOLVE_NO_SYMLINKS).
 */

import { Extra, type MountOptions } from "../config/mount-options.ts";
import type { Slot } from "../plan/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { type InitContext, OPEN_HOW_SIZE, openHow } from "./context.ts";

/**
 * Opens (O_PATH) an absolute path of the host, and refuses symbolic links.
 * @param flags further ones of open(2); with O_NOFOLLOW the last part may be a link, which is opened itself
 */
export function openRealPath(x: InitContext, path: string, flags = 0): Slot {
  const how = openHow(x, O.PATH | flags, RESOLVE.NO_SYMLINKS);
  return x.b.get("openat2", [AT_FDCWD, x.b.str(path), how, OPEN_HOW_SIZE]);
}

/** Whether a mount's source, or each directory of an overlay, is such a path. */
export function hasRealSource({ extra }: MountOptions): boolean {
  return (extra & Extra.SRC_NOSYMLINKS) !== 0;
}

/** Whether the mount point in the container is such a path. */
export function hasRealTarget({ extra }: MountOptions): boolean {
  return (extra & Extra.DEST_NOSYMLINKS) !== 0;
}
