/** The directories of --upper that overlays write to. */
import { BrunError } from "../errors.ts";
import type { Spec } from "../spec/index.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E, errnoName, errnoText } from "../sys/errno.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, O, tryOpen, tryStat } from "../sys/fs.ts";
import { openat2 } from "../sys/openat2.ts";
import { fileSystemType } from "./tree.ts";
import type { HostView } from "./view.ts";

const PERMISSIONS = 0o7777;
const OWN = 0o700;

/**
 * Makes missing upper and work directories of a spec's overlays. An upper directory gets the mode of the
 * lower one. Earlier runs may have written there, so no symbolic link is followed. Throws a BrunError.
 */
export function makeUpperDirectories(spec: Spec): void {
  for (const { type, options = [] } of spec.mounts ?? []) {
    if (type !== "overlay") continue;
    const [lower, upper, work, given] = ["lowerdir=", "upperdir=", "workdir=", "mode="].map((name) =>
      options.find((option) => option.startsWith(name))?.slice(name.length),
    );
    if (upper === undefined || work === undefined) continue;
    makeRealDirectory(work);
    makeRealDirectory(upper, () => {
      const stat = tryStat(lower ?? "/");
      if (given !== undefined) return Number.parseInt(given, 8);
      return typeof stat === "number" ? OWN : stat.mode & PERMISSIONS;
    });
  }
}

/**
 * Makes a directory and its missing parents. No symbolic link is followed. Throws a BrunError.
 * @param mode the mode of a new directory
 * @param where the flag that an error is about
 */
export function makeRealDirectory(path: string, mode: () => number = () => OWN, where = "--upper"): void {
  let directory = openat2(AT_FDCWD, path, O.PATH | O.DIRECTORY, RESOLVE.NO_SYMLINKS);
  if (directory >= 0) {
    close(directory);
    return;
  }
  directory = openat2(AT_FDCWD, "/", O.PATH | O.DIRECTORY, 0);
  let place = "";
  let isNew = false;
  for (const name of path.split("/").filter(Boolean)) {
    place += `/${name}`;
    const made = syscall(NR.mkdirat, directory, cstr(name), OWN);
    isNew = made === 0;
    const next = openat2(directory, name, O.PATH | O.DIRECTORY, RESOLVE.NO_SYMLINKS);
    close(directory);
    if (next < 0) throw refusal(place, made < 0 && made !== -E.EEXIST ? made : next, where);
    directory = next;
  }
  const result = isNew ? syscall(NR.fchmodat, AT_FDCWD, cstr(`/proc/self/fd/${directory}`), mode()) : 0;
  close(directory);
  if (result < 0) throw new BrunError(`cannot change the mode of ${path}: ${errnoText(-result)}`, { where });
}

/** File systems that the kernel's overlayfs refuses to write to, or on which it cannot mark what is deleted. */
const UNFIT = /^(fuse|fuseblk|fuse\..*|nfs4?|cifs|smb3|9p|afs|ceph|vfat|msdos|exfat|ntfs3?|overlay)$/;

/**
 * Why the kernel's overlays cannot write to a directory, as an error; null if they can. overlayfs notes in
 * extended attributes which directories hide those below. Without these, programs get input/output errors
 * later.
 * @param flag --upper or --keep
 * @param isRefused whether the kernel has refused an overlay
 */
export function upperObstacle(
  directory: string,
  flag: string,
  view: HostView,
  isRefused: boolean,
): BrunError | null {
  const keepsNone = !keepsAttributes(directory, view.nested ? "user" : "trusted");
  const type = fileSystemType(view.mounts, directory);
  if (!keepsNone && !(isRefused && UNFIT.test(type))) return null;
  const why = keepsNone ? "keeps no extended attributes" : "cannot be written to by an overlay";
  const other = `${flag === "--keep" ? "XDG_DATA_HOME=DIR" : "--upper DIR"} on another file system`;
  return new BrunError(`changes cannot be kept in ${directory}: its file system (${type}) ${why}`, {
    where: flag,
    hint: view.rootless ? `${other}, or --overlay fuse` : other,
  });
}

function keepsAttributes(directory: string, space: string): boolean {
  const fd = tryOpen(directory, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  if (fd < 0) return true;
  const name = cstr(`${space}.overlay.brun`);
  const result = syscall(NR.fsetxattr, fd, name, new Uint8Array(1), 1, 0);
  if (result === 0) syscall(NR.fremovexattr, fd, name);
  close(fd);
  return result !== -E.EOPNOTSUPP;
}

function refusal(place: string, result: number, where: string): BrunError {
  if (result !== -E.ELOOP && result !== -E.ENOTDIR)
    return new BrunError(`mkdir ${place}: ${errnoText(-result)} (${errnoName(-result)})`, {
      code: errnoName(-result),
      where,
    });
  const isLink = result === -E.ELOOP;
  return new BrunError(
    isLink
      ? `${place} is a symbolic link, which the overlay of a directory would follow`
      : `${place} is not a directory`,
    {
      where,
      ...(isLink && { hint: "an earlier run has made it: look at it, then remove it" }),
    },
  );
}
