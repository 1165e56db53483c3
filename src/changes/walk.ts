/**
 * Finds changes by comparing the upper directory of overlays (overlayfs.rst) with the lower one. The walk
 * visits only what is in the upper directory, however large the lower tree is. The program controls the upper
 * directory, so no link in it is followed.
 */
import { listAt } from "../image/unpack/written-tree.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import {
  type Entry,
  entryAt,
  isOpaque,
  linkAt,
  pieces,
  tryOpenDirectory,
  tryOpenDirectoryAt,
} from "./entry.ts";

/** The difference between an entry and its previous state. */
export type Difference = "type" | "content" | "target" | "mode" | "owner";

/** A path that has changed. */
export interface Change {
  /** The absolute path in the program's view. */
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** Empty unless `kind` is "changed". */
  readonly differs: readonly Difference[];
  /** The lower entry; null if the path was added. */
  readonly was: Entry | null;
  /** The upper entry; null if the path was deleted. */
  readonly is: Entry | null;
}

/** The directories to compare. */
export interface Compared {
  /** Absolute directories, without symbolic links. */
  readonly upper: string;
  readonly lower: string;
  /** The mount points of the overlays, see {@link KeepRecord}. */
  readonly places: readonly string[];
  readonly covers: readonly string[];
}

/**
 * The changes. A directory precedes its content, and names are sorted. Throws a SysError for unreadable
 * entries.
 */
export function changesIn({ upper, lower, places, covers }: Compared): Change[] {
  const above = tryOpenDirectory(upper);
  if (above < 0) return [];
  const below = tryOpenDirectory(lower);
  try {
    return new Walk(new Set(places.flatMap(withParents)), new Set(covers.flatMap(withParents))).directory(
      "",
      above,
      below < 0 ? null : below,
      false,
    );
  } finally {
    close(above);
    if (below >= 0) close(below);
  }
}

/** "/a" and "/a/b" for "/a/b". */
function withParents(path: string): string[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`);
}

class Walk {
  constructor(
    private readonly made: ReadonlySet<string>,
    private readonly leading: ReadonlySet<string>,
  ) {}

  /**
   * @param path "" for the root
   * @param lower null if there is no lower directory
   * @param hides the content of the lower directory is hidden
   */
  directory(path: string, upper: number, lower: number | null, hides: boolean): Change[] {
    const changes: Change[] = [];
    const names = new Set([upper, ...(hides && lower !== null ? [lower] : [])].flatMap(namesIn));
    for (const name of [...names].sort())
      changes.push(...this.entry(`${path}/${name}`, name, upper, lower, hides));
    return changes;
  }

  private entry(path: string, name: string, upper: number, lower: number | null, hides: boolean): Change[] {
    const is = entryAt(upper, name);
    const was = lower === null ? null : entryAt(lower, name);
    if (is === null ? hides : is.whiteout) return was === null ? [] : [deletion(path, was)];
    if (is === null) return [];
    if (is.type === "directory") return this.subdirectory(path, name, is, was, upper, lower);
    if (was === null) {
      // An empty file that brun has made as a mount point.
      if (is.size === 0 && this.leading.has(path)) return [];
      return [{ path, kind: "added", differs: [], was, is }];
    }
    const differs = differences(name, is, was, upper, lower!);
    return differs.length === 0 ? [] : [{ path, kind: "changed", differs, was, is }];
  }

  private subdirectory(
    path: string,
    name: string,
    is: Entry,
    was: Entry | null,
    upper: number,
    lower: number | null,
  ): Change[] {
    const inside = tryOpenDirectoryAt(upper, name);
    const below = was?.type === "directory" ? tryOpenDirectoryAt(lower!, name) : -1;
    try {
      const changes: Change[] = [];
      if (was === null) {
        // A mount point that brun has made is no change of the program.
        if (!this.made.has(path) && !this.leading.has(path))
          changes.push({ path, kind: "added", differs: [], was, is });
      } else {
        const differs: Difference[] = was.type === "directory" ? attributes(is, was) : ["type"];
        if (differs.length > 0 && !this.made.has(path))
          changes.push({ path, kind: "changed", differs, was, is });
      }
      if (inside < 0) throw new SysError(`open ${path}`, -inside);
      // Root of the user namespace can read the lower directory if it belongs to ids of containers.
      const closed = below === -E.EACCES && syscall(NR.geteuid) !== 0;
      if (closed && namesIn(inside).length > 0) throw new SysError(`open what ${path} was`, E.EACCES);
      return [...changes, ...this.directory(path, inside, below < 0 ? null : below, isOpaque(inside))];
    } finally {
      if (inside >= 0) close(inside);
      if (below >= 0) close(below);
    }
  }
}

function namesIn(directory: number): string[] {
  return listAt(directory).map(({ name }) => name);
}

function deletion(path: string, was: Entry): Change {
  return { path, kind: "deleted", differs: [], was, is: null };
}

function attributes(is: Entry, was: Entry): Difference[] {
  const differs: Difference[] = [];
  if (is.mode !== was.mode && is.type !== "link") differs.push("mode");
  if (is.uid !== was.uid || is.gid !== was.gid) differs.push("owner");
  return differs;
}

function differences(name: string, is: Entry, was: Entry, upper: number, lower: number): Difference[] {
  if (is.type !== was.type) return ["type"];
  const differs = attributes(is, was);
  if (is.type === "link" && linkAt(upper, name) !== linkAt(lower, name)) differs.unshift("target");
  if (is.type === "file" && (is.size !== was.size || !sameContent(name, upper, lower)))
    differs.unshift("content");
  return differs;
}

/** Compares all bytes, since a program can reset a file's time and size. Unreadable files count as different. */
function sameContent(name: string, upper: number, lower: number): boolean {
  try {
    const others = pieces(lower, name);
    for (const piece of pieces(upper, name)) {
      const other = others.next();
      if (other.done || Buffer.compare(piece, other.value) !== 0) return false;
    }
    return others.next().done === true;
  } catch {
    return false;
  }
}
