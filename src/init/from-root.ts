/**
 * Sources with the option "from-root" (brun's own): what the root file system had before mounts covered it.
 *
 * Nobody named them one by one: they are the entries that a directory had when it was listed. Others may write to that
 * directory, so an entry may be gone by now, or be a symbolic link to what they want to see: neither is followed,
 * anywhere in the path, and the mount is left out.
 */
import { BrunError } from "../errors.ts";
import type { Label, Policy, Slot } from "../plan/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import { type InitContext, OPEN_HOW_SIZE, openHow } from "./context.ts";
import { relative } from "./path.ts";

/** What opening an entry fails with that is not what it was: gone, a link, no directory, not for the caller. */
const NOT_THERE: readonly number[] = [E.ENOENT, E.ELOOP, E.ENOTDIR, E.EACCES];

/**
 * Opens (O_PATH) a path of the host below the root file system.
 * @param path absolute
 * @param absent where to go on when there is no such file, or is one that a symbolic link leads to; null: that is an error
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
