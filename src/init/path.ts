/** Paths below the container's root, resolved by the kernel so that no symbolic link leads out of it. */
import type { Slot } from "../stage/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import { IN_ROOT, type InitContext, OPEN_HOW_SIZE, openHow } from "./context.ts";

/** The parts of a path without empty ones and ".". ".." stays: the kernel resolves it below the root. */
export function components(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** Options of {@link openTarget}. */
export interface TargetOptions {
  /** Make what is missing: directories, and at the end a directory or an empty file. */
  readonly create?: "dir" | "file" | undefined;
  /** Refuse symbolic links anywhere in the path (for procfs and sysfs: CVE-2019-19921, CVE-2023-27561). */
  readonly noSymlinks?: boolean | undefined;
}

/** Opens (O_PATH) a path below the root and returns its slot; close it with `x.b.close`. */
export function openTarget(x: InitContext, path: string, options: TargetOptions = {}): Slot {
  const { b } = x;
  const parts = components(path);
  const full = parts.length === 0 ? "." : parts.join("/");
  const resolve = IN_ROOT | (options.noSymlinks ? RESOLVE.NO_SYMLINKS : 0);
  const how = openHow(x, O.PATH, resolve);
  const args = [x.root, b.str(full), how, OPEN_HOW_SIZE] as const;
  if (options.create === undefined || parts.length === 0) return b.get("openat2", args);

  const create = b.label();
  const done = b.label();
  const out = b.get("openat2", args, { handle: [E.ENOENT], orElse: create, andThen: done });
  b.mark(create);
  const dirHow = openHow(x, O.PATH | O.DIRECTORY, resolve);
  let parent = x.root;
  parts.forEach((name, i) => {
    const last = i === parts.length - 1;
    if (last && options.create === "file") {
      const fd = b.get("openat", [parent, b.str(name), O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC, 0o644], {
        handle: [E.EEXIST],
        orElse: { at: b.ops.length + 2 },
      });
      b.close(fd);
    } else if (name !== "..") {
      b.sys("mkdirat", [parent, b.str(name), 0o755], { handle: [E.EEXIST] });
    }
    if (parent !== x.root) b.close(parent);
    if (!last) {
      const prefix = b.str(parts.slice(0, i + 1).join("/"));
      parent = b.get("openat2", [x.root, prefix, dirHow, OPEN_HOW_SIZE]);
    }
  });
  b.get("openat2", args, { out });
  b.mark(done);
  return out;
}

/** Opens a path below the root that may be absent: `absent` is where to go on then. */
export function openIfThere(
  x: InitContext,
  path: string,
  absent: { at: number },
  handle: readonly number[] = [E.ENOENT, E.ENOTDIR],
): Slot {
  const full = components(path).join("/") || ".";
  const how = openHow(x, O.PATH, IN_ROOT);
  return x.b.get("openat2", [x.root, x.b.str(full), how, OPEN_HOW_SIZE], { handle, orElse: absent });
}
