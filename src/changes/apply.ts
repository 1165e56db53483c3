/**
 * Applies changes to the lower directory. A file is written beside its place and renamed, so its path is old or
 * new at any moment. No symbolic link in a path is followed. Entries that have changed meanwhile are left
 * alone.
 */
import { BrunError } from "../errors.ts";
import { readXattrs } from "../image/unpack/attributes.ts";
import { copyBytes } from "../image/unpack/copy.ts";
import { listAt, removeAt, setTimes } from "../image/unpack/written-tree.ts";
import { quoted } from "../printable.ts";
import { E, errnoText } from "../sys/errno.ts";
import { check, isFull, SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close, O } from "../sys/fs.ts";
import { type Entry, entryAt, linkAt, openFileAt, tryOpenDirectory, tryOpenDirectoryAt } from "./entry.ts";
import type { Change, Compared } from "./walk.ts";

/** The outcome of one change. */
export interface Applied {
  readonly change: Change;
  /** The reason if the change was left out; null if it was applied. */
  readonly left: Left | null;
}

export interface Left {
  readonly why: string;
  /** The lower entry has changed since the program saw it. `force` applies the change all the same. */
  readonly conflict: boolean;
}

function conflict(why: string): Left {
  return { why, conflict: true };
}

function impossible(why: string): Left {
  return { why, conflict: false };
}

export interface ApplyOptions extends Compared {
  /** Also replaces entries that have changed since the program saw them. */
  readonly force: boolean;
  /**
   * The time of the last run that kept changes, in nanoseconds. It is used if the file system has no birth
   * times.
   */
  readonly used: bigint;
}

/**
 * Applies changes in their order, deletions last. A change that is not possible is reported, and the others are
 * applied.
 */
export function applyChanges(changes: readonly Change[], options: ApplyOptions): Applied[] {
  const applying = new Applying(options);
  const deletions = changes.filter(({ kind }) => kind === "deleted");
  const others = changes.filter(({ kind }) => kind !== "deleted");
  const applied = [...others, ...deletions].map((change): Applied => {
    try {
      return { change, left: applying.one(change) };
    } catch (error) {
      if (error instanceof SysError && isFull(error))
        throw new BrunError(`${quoted(change.path)}: ${errnoText(error.errno)}`, {
          code: error.code,
          hint: "nothing is half done: make room, and apply again",
        });
      if (error instanceof SysError) return { change, left: impossible(errnoText(error.errno)) };
      throw error;
    }
  });
  applying.finish();
  return applied;
}

/** A place in the lower tree: an open directory, and a name in it. */
interface Target {
  readonly directory: number;
  readonly name: string;
}

const TEMPORARY = ".brun-apply-";
const RENAME_EXCHANGE = 2;
const PRIVATE = 0o700;
const USER = syscall(NR.geteuid);

class Applying {
  /** The path of the first name of each file with several names. */
  private readonly linked = new Map<bigint, string>();
  /** Directories whose modes and times are set after their content has been written. */
  private readonly directories: { path: string; is: Entry; whole: boolean }[] = [];

  constructor(private readonly o: ApplyOptions) {}

  /** Applies one change. Returns the reason if it is left out, otherwise null. Throws a SysError. */
  one(change: Change): Left | null {
    const { path, is } = change;
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    const directory = tryOpenDirectory(`${rootless(this.o.lower)}${path.slice(0, slash)}` || "/");
    if (directory < 0) return impossible(`its directory cannot be opened: ${errnoText(-directory)}`);
    const target = { directory, name };
    try {
      const now = entryAt(directory, name);
      const why = this.o.force ? null : this.changedSince(change, now, target);
      if (why !== null) return why;
      return is === null ? this.remove(target, now) : this.put(change, is, now, target);
    } finally {
      close(directory);
    }
  }

  /** Sets the modes and times of directories, the deepest first. */
  finish(): void {
    for (const { path, is, whole } of this.directories.reverse()) {
      const fd = tryOpenDirectory(`${rootless(this.o.lower)}${path}`);
      if (fd < 0) continue;
      if (USER === 0) syscall(NR.fchown, fd, is.uid, is.gid);
      syscall(NR.fchmod, fd, is.mode);
      if (whole) setTimes(fd, null, is.mtime);
      close(fd);
    }
  }

  /**
   * Why the lower entry differs from the entry that the program saw. Null if it is the same, as far as can be
   * determined.
   */
  private changedSince({ was, is, path }: Change, now: Entry | null, target: Target): Left | null {
    // An earlier apply has deleted it already.
    if (is === null && now === null) return null;
    if (was === null)
      return now === null || now.type === is?.type ? this.newer(now, is, path) : conflict("exists by now");
    if (now === null) return conflict("is gone by now");
    if (now.type !== was.type) return conflict("is something else by now");
    // The content of a directory has its own changes. Only a directory that is replaced or deleted has to be
    // checked with all that is in it.
    if (now.type !== "directory") return this.newer(now, is, path);
    if (is?.type === "directory") return null;
    return this.newestIn(target, this.seen(is, path)) ? conflict("something in it has changed since") : null;
  }

  private newer(now: Entry | null, is: Entry | null, path: string): Left | null {
    if (now === null || now.type === "directory") return null;
    return now.ctime > this.seen(is, path) ? conflict("has changed since the program saw it") : null;
  }

  /**
   * The time at which the program can have seen the lower entry last: the birth of its own copy, or of the mark
   * of a deletion.
   */
  private seen(is: Entry | null, path: string): bigint {
    return (is ?? this.mark(path))?.btime ?? this.o.used;
  }

  /** The mark of a deletion in the upper directory: the whiteout, or the nearest directory above it. */
  private mark(path: string): Entry | null {
    for (let at = path; ; at = at.slice(0, at.lastIndexOf("/"))) {
      const slash = at.lastIndexOf("/");
      const directory = tryOpenDirectory(`${this.o.upper}${at.slice(0, Math.max(slash, 0))}`);
      if (directory >= 0) {
        const found = entryAt(directory, at.slice(slash + 1));
        close(directory);
        if (found !== null) return found;
      }
      if (slash <= 0) return null;
    }
  }

  private newestIn({ directory, name }: Target, seen: bigint): boolean {
    const fd = tryOpenDirectoryAt(directory, name);
    if (fd < 0) return false;
    try {
      return listAt(fd).some(({ name: inside }) => {
        const entry = entryAt(fd, inside);
        if (entry === null) return false;
        return entry.type === "directory"
          ? this.newestIn({ directory: fd, name: inside }, seen)
          : entry.ctime > seen;
      });
    } finally {
      close(fd);
    }
  }

  private remove({ directory, name }: Target, now: Entry | null): null {
    if (now !== null) removeAt(directory, name);
    return null;
  }

  private put(change: Change, is: Entry, now: Entry | null, target: Target): Left | null {
    if (is.uid !== USER && USER !== 0)
      return impossible(`belongs to the id ${is.uid}, which only root can give`);
    if (is.type === "directory") return this.putDirectory(change, is, now, target);
    const first = is.nlink > 1 ? this.linked.get(is.ino) : undefined;
    const made = first === undefined ? this.make(change, is, target) : this.link(first, target);
    if (made !== null) return made;
    if (is.nlink > 1) this.linked.set(is.ino, change.path);
    return null;
  }

  private putDirectory({ path, was }: Change, is: Entry, now: Entry | null, target: Target): Left | null {
    const make = (name: string) => syscall(NR.mkdirat, target.directory, cstr(name), PRIVATE);
    if (now === null) {
      const result = make(target.name);
      if (result !== -E.EEXIST) check(result, `mkdir ${path}`);
    } else if (now.type !== "directory") {
      const beside = this.nameBeside(target);
      check(make(beside), `mkdir ${path}`);
      this.rename(beside, target);
    }
    this.directories.push({ path, is, whole: was?.type !== "directory" });
    return null;
  }

  /** Makes the new entry beside its place, and renames it. */
  private make(change: Change, is: Entry, target: Target): Left | null {
    const { path } = change;
    const slash = path.lastIndexOf("/");
    const source = tryOpenDirectory(`${this.o.upper}${path.slice(0, slash)}`);
    if (source < 0) return impossible(errnoText(-source));
    try {
      const beside = this.nameBeside(target);
      try {
        switch (is.type) {
          case "file":
            copyFile(source, target.name, is, target.directory, beside);
            break;
          case "link":
            check(
              syscall(NR.symlinkat, cstr(linkAt(source, target.name)), target.directory, cstr(beside)),
              `symlink ${path}`,
            );
            setTimes(target.directory, beside, is.mtime);
            break;
          case "fifo":
            check(
              syscall(NR.mknodat, target.directory, cstr(beside), 0o010000 | is.mode, 0),
              `mkfifo ${path}`,
            );
            break;
          default:
            return impossible(`a ${is.type} cannot be taken over`);
        }
        this.rename(beside, target);
      } catch (error) {
        syscall(NR.unlinkat, target.directory, cstr(beside), 0);
        throw error;
      }
      return null;
    } finally {
      close(source);
    }
  }

  private link(first: string, target: Target): null {
    const slash = first.lastIndexOf("/");
    const source = check(tryOpenDirectory(`${rootless(this.o.lower)}${first.slice(0, slash)}` || "/"), first);
    const beside = this.nameBeside(target);
    const from = cstr(first.slice(slash + 1));
    const result = syscall(NR.linkat, source, from, target.directory, cstr(beside), 0);
    close(source);
    check(result, `link ${first}`);
    this.rename(beside, target);
    return null;
  }

  private rename(beside: string, { directory, name }: Target): void {
    const result = syscall(NR.renameat2, directory, cstr(beside), directory, cstr(name), 0);
    // rename(2) replaces a file only by a file, and an empty directory only by a directory. Otherwise the two are
    // exchanged, and the old one is removed.
    const others: number[] = [-E.EISDIR, -E.ENOTDIR, -E.ENOTEMPTY, -E.EEXIST];
    if (!others.includes(result)) return void check(result, `rename ${name}`);
    check(
      syscall(NR.renameat2, directory, cstr(beside), directory, cstr(name), RENAME_EXCHANGE),
      `rename ${name}`,
    );
    removeAt(directory, beside);
  }

  /**
   * A name for a temporary file. A file with this name is a leftover of an apply that was killed, and is
   * removed.
   */
  private nameBeside({ directory }: Target): string {
    const name = `${TEMPORARY}${syscall(NR.getpid)}`;
    removeAt(directory, name);
    return name;
  }
}

/** The prefix of paths below a directory: "" for "/". */
function rootless(lower: string): string {
  return lower === "/" ? "" : lower;
}

/** Copies a file with its attributes, and waits until it is on the disk. Throws a SysError. */
function copyFile(source: number, name: string, is: Entry, directory: number, beside: string): void {
  const from = openFileAt(source, name);
  try {
    const how = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;
    const to = check(syscall(NR.openat, directory, cstr(beside), how, 0o600), `make a copy of ${name}`);
    try {
      copyBytes(from, to, name);
      for (const [attribute, value] of readXattrs(from))
        if (attribute.startsWith("user.") && !attribute.startsWith("user.overlay."))
          syscall(NR.fsetxattr, to, cstr(attribute), value, value.length, 0);
      if (USER === 0) check(syscall(NR.fchown, to, is.uid, is.gid), `set the owner of ${name}`);
      check(syscall(NR.fchmod, to, is.mode), `set the mode of ${name}`);
      setTimes(to, null, is.mtime);
      check(syscall(NR.fsync, to), `write ${name}`);
    } finally {
      close(to);
    }
  } finally {
    close(from);
  }
}
