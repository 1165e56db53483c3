/** --upper DIR: the directories that overlays write to. */
import { BrunError } from "../errors.ts";
import type { Spec } from "../spec/index.ts";
import { errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, mkdirAll, S, tryStat } from "../sys/fs.ts";

const PERMISSIONS = 0o7777;

/**
 * Makes the upper and work directories of a spec's overlays where they are missing, each upper one with the mode of
 * what lies below it. Throws a BrunError.
 * @param directory --upper, absolute
 */
export function makeUpperDirectories(spec: Spec, directory: string): void {
  for (const { type, options = [] } of spec.mounts ?? []) {
    if (type !== "overlay") continue;
    const [lower, upper, work, given] = ["lowerdir=", "upperdir=", "workdir=", "mode="].map((name) =>
      options.find((option) => option.startsWith(name))?.slice(name.length),
    );
    if (upper === undefined || work === undefined) continue;
    for (const path of [upper, work]) refuseLinks(directory, path);
    const isNew = typeof tryStat(upper) === "number";
    make(upper);
    make(work);
    const stat = tryStat(lower ?? "/");
    if (!isNew || typeof stat === "number") continue;
    const mode = given === undefined ? stat.mode & PERMISSIONS : Number.parseInt(given, 8);
    const result = syscall(NR.fchmodat, AT_FDCWD, cstr(upper), mode);
    if (result < 0)
      throw new BrunError(`cannot change the mode of ${upper}: ${errnoText(-result)}`, { where: "--upper" });
  }
}

/** What an earlier run has written is below these directories: a link there would lead the next one's overlay elsewhere. */
function refuseLinks(directory: string, path: string): void {
  for (let end = directory.length; end >= 0; end = path.indexOf("/", end + 1)) {
    const next = path.indexOf("/", end + 1);
    const part = next < 0 ? path : path.slice(0, next);
    const stat = tryStat(part, true);
    if (typeof stat === "number") return;
    if ((stat.mode & S.IFMT) !== S.IFLNK) continue;
    throw new BrunError(`${part} is a symbolic link, which the overlay of a directory would follow`, {
      where: "--upper",
      hint: "an earlier run has made it: look at it, then remove it",
    });
  }
}

function make(directory: string): void {
  try {
    mkdirAll(directory);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new BrunError(error.message, { code: error.code, where: "--upper", cause: error });
  }
}
