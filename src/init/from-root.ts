/**
 * Sources with brun's option "from-root": files that the root file system had at a path before mounts covered it.
 *
 * These are entries of a directory that brun has listed. Another user may be able to write to that directory, so
 * by now an entry may be gone, or be a symbolic link to another file. Links are not followed anywhere in the path,
 * and a missing entry is left out.
 */
import { BrunError } from "../errors.ts";
import type { Label, Policy, Slot } from "../plan/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import { type InitContext, OPEN_HOW_SIZE, openHow } from "./context.ts";
import { relative } from "./path.ts";

/**
 * Errnos of an entry that has changed: it is gone, a link, no directory any more, or not accessible to the caller.
 */
const NOT_THERE: readonly number[] = [E.ENOENT, E.ELOOP, E.ENOTDIR, E.EACCES];

/**
 * Opens (O_PATH) a path of the host below the root file system.
 * @param path absolute
 * @param absent where to go on if the file is missing or reached by a symbolic link; null makes that an error
 */
export function openFromRoot(x: InitContext, path: string, directory: boolean, absent: Label | null): Slot {
  const { rootfs } = x.config;
  const rest = rootfs === "/" || path === rootfs ? path.slice(rootfs.length) : belowRoot(rootfs, path);
  const how = openHow(x, O.PATH | (directory ? O.DIRECTORY : 0), RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
  const policy: Policy = absent === null ? {} : { handle: NOT_THERE, orElse: absent };
  return x.b.get("openat2", [x.covered ?? x.root, x.b.str(relative(rest)), how, OPEN_HOW_SIZE], policy);
}

function belowRoot(rootfs: string, path: string): string {
  if (path.startsWith(`${rootfs}/`)) return path.slice(rootfs.length + 1);
  throw new BrunError(
    `the option from-root is for paths below the root file system ${rootfs}, not for ${path}`,
  );
}
