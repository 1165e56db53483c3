/**
 * Opens paths below the container's root. The kernel resolves them, so that no symbolic link leads out of the
 * root.
 */
import { Hole } from "../plan/file-abi.ts";
import type { Label, Slot } from "../plan/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import { filtered } from "../sys/lists.ts";
import { IN_ROOT, type InitContext, OPEN_HOW_SIZE, openHow } from "./context.ts";

/** The parts of a path without empty ones and ".". Parts ".." stay: the kernel resolves them below the root. */
export function components(path: string): string[] {
  return filtered(path.split("/"), (part) => part !== "" && part !== ".");
}

/** The path relative to the root, as openat2 takes it: without empty parts, and "." for the root itself. */
export function relative(path: string): string {
  const start = path.startsWith("/") ? 1 : 0;
  const plain = path.length > start && !path.endsWith("/") && !path.includes("//") && !path.includes("/.");
  if (plain && path[start] !== ".") return path.slice(start);
  return components(path).join("/") || ".";
}

/** Options of {@link openTarget}. */
export interface TargetOptions {
  /** Creates what is missing: directories, and as the last part a directory or an empty file. */
  readonly create?: "dir" | "file" | undefined;
  /** Refuses symbolic links anywhere in the path (for procfs and sysfs: CVE-2019-19921, CVE-2023-27561). */
  readonly noSymlinks?: boolean | undefined;
  /** The path is that of {@link Hole.cwd}. */
  readonly hole?: boolean | undefined;
}

/** Opens (O_PATH) a path below the root and returns its slot; close it with `x.b.close`. */
export function openTarget(x: InitContext, path: string, options: TargetOptions = {}): Slot {
  const full = relative(path);
  const resolve = IN_ROOT | (options.noSymlinks ? RESOLVE.NO_SYMLINKS : 0);
  if (options.create !== undefined) {
    const missing = x.fresh === true && options.hole !== true && !full.includes("/");
    const place = options.hole ? x.b.hole(Hole.cwd, full, 1) : full;
    return x.b.target(x.root, place, resolve, options.create, missing);
  }
  return x.b.get("openat2", [x.root, x.b.str(full), openHow(x, O.PATH, resolve), OPEN_HOW_SIZE]);
}

/** Opens a path below the root. If it is missing, the program goes on at `absent`. */
export function openIfThere(
  x: InitContext,
  path: string,
  absent: Label,
  handle: readonly number[] = [E.ENOENT, E.ENOTDIR],
): Slot {
  const full = relative(path);
  const how = openHow(x, O.PATH, IN_ROOT);
  return x.b.get("openat2", [x.root, x.b.str(full), how, OPEN_HOW_SIZE], { handle, orElse: absent });
}
