/** --upper DIR: the directories that overlays write to. */
import { BrunError } from "../errors.ts";
import type { Spec } from "../spec/index.ts";
import { errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, mkdirAll, tryStat } from "../sys/fs.ts";

const PERMISSIONS = 0o7777;

/**
 * Makes the upper and work directories of a spec's overlays where they are missing, each upper one with the mode of
 * what lies below it. Throws a BrunError.
 */
export function makeUpperDirectories(spec: Spec): void {
  for (const { type, options = [] } of spec.mounts ?? []) {
    if (type !== "overlay") continue;
    const [lower, upper, work, given] = ["lowerdir=", "upperdir=", "workdir=", "mode="].map((name) =>
      options.find((option) => option.startsWith(name))?.slice(name.length),
    );
    if (upper === undefined || work === undefined) continue;
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

function make(directory: string): void {
  try {
    mkdirAll(directory);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new BrunError(error.message, { code: error.code, where: "--upper", cause: error });
  }
}
