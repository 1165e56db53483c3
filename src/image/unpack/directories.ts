/**
 * Gives directories their owner, mode and times after the archive has moved on to another directory. Making a
 * file in a directory changes the directory's time, and is not possible with every mode. Only directories on
 * the way to the last entry are kept in memory, since an archive may have millions. If the archive comes back
 * to a directory, that directory keeps its current time.
 */
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { statAttributes } from "./attributes.ts";
import type { Owner } from "./owner.ts";
import { type Attributes, isAtOrBelow, type Place, setTimes, type Tree } from "./written-tree.ts";

/** A directory on the way to the last entry. */
interface Waiting {
  readonly path: string;
  /** The attributes of its entry. Null if it has no entry, or got them earlier. */
  readonly attributes: Attributes | null;
  readonly mtime: bigint;
  /** The mode to restore at the end; null if it was not changed. */
  readonly mode: number | null;
}

const SETGID = 0o2000;

/**
 * Clears the setgid bit of a directory, so that new files do not get the directory's group.
 * @param fd may be of O_PATH
 * @returns the previous mode if it was changed, otherwise null
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

  /** Called before a name is made in a directory or removed from it. Throws a SysError or BrunError. */
  enter({ path, fd }: Place): void {
    this.leaveFor(path);
    if (this.way.at(-1)?.path === path) return;
    const { mtime, mode } = statAttributes(fd, path);
    this.way.push({ path, attributes: null, mtime, mode: withoutSetgid(fd, path, mode) });
  }

  /** Called for a directory's entry. Throws a SysError or BrunError. */
  describe(path: string, attributes: Attributes): void {
    this.leaveFor(path);
    if (this.way.at(-1)?.path === path) this.way.pop();
    this.way.push({ path, attributes, mtime: attributes.mtime, mode: null });
  }

  /** Called after a path, with everything below it, has been replaced. */
  forget(path: string): void {
    while (this.way.length > 0 && isAtOrBelow(this.way.at(-1)!.path, path)) this.way.pop();
  }

  /** Called at the end of the archive. Throws a SysError or BrunError. */
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
