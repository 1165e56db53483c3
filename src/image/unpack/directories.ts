/**
 * What directories get when an archive goes on elsewhere: owner, mode, times. What is made in a directory changes its time,
 * and its mode may not allow it. Only those on the way to the last entry are remembered, since an archive may have millions;
 * one that is come back to keeps the time that it has.
 */
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { statAttributes } from "./attributes.ts";
import type { Owner } from "./owner.ts";
import { type Attributes, isAtOrBelow, type Place, setTimes, type Tree } from "./written-tree.ts";

/** A directory on the way. */
interface Waiting {
  readonly path: string;
  /** What its entry says; null when it has had that before, or has none. */
  readonly attributes: Attributes | null;
  readonly mtime: bigint;
  /** What it has again in the end; null where it has had that all the time. */
  readonly mode: number | null;
}

const SETGID = 0o2000;

/**
 * Has a directory not give its group to what is made in it.
 * @param fd may be of O_PATH
 * @returns its mode if that was changed, else null
 * @throws SysError
 */
export function withoutSetgid(fd: number, path: string, mode: number): number | null {
  if ((mode & SETGID) === 0) return null;
  check(syscall(NR.fchmodat, fd, cstr("."), mode & ~SETGID), `change the mode of ${path || "/"}`);
  return mode;
}

export class Directories {
  private readonly way: Waiting[] = [];

  constructor(
    private readonly tree: Tree,
    private readonly owner: Owner,
  ) {}

  /** Something will be made in a directory, or removed from it. Throws a SysError or BrunError. */
  enter({ path, fd }: Place): void {
    this.leaveFor(path);
    if (this.way.at(-1)?.path === path) return;
    const { mtime, mode } = statAttributes(fd, path);
    this.way.push({ path, attributes: null, mtime, mode: withoutSetgid(fd, path, mode) });
  }

  /** A directory has an entry. Throws a SysError or BrunError. */
  describe(path: string, attributes: Attributes): void {
    this.leaveFor(path);
    if (this.way.at(-1)?.path === path) this.way.pop();
    this.way.push({ path, attributes, mtime: attributes.mtime, mode: null });
  }

  /** What is at a path, and below it, is not there any more. */
  forget(path: string): void {
    while (this.way.length > 0 && isAtOrBelow(this.way.at(-1)!.path, path)) this.way.pop();
  }

  /** The archive has ended. Throws a SysError or BrunError. */
  end(): void {
    while (this.way.length > 0) this.leave(this.way.pop()!);
  }

  private leaveFor(path: string): void {
    while (this.way.length > 0 && !isAtOrBelow(path, this.way.at(-1)!.path)) this.leave(this.way.pop()!);
  }

  private leave({ path, attributes, mtime, mode }: Waiting): void {
    const fd = this.tree.openDirectory(path);
    try {
      if (attributes !== null) this.owner.apply(fd, path || "/", attributes, "before");
      if (mode !== null) check(syscall(NR.fchmod, fd, mode), `change the mode of ${path || "/"}`);
      setTimes(fd, null, mtime);
    } finally {
      close(fd);
    }
  }
}
