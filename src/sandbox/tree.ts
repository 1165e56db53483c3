/**
 * A directory tree of the host as the root of a sandbox, or as a part of it: overlays where the kernel takes them.
 *
 * An overlay does not cross mount points, and in a user namespace the kernel refuses one over a directory that has
 * any (they cover what the caller is not to see). Such a directory, as / always is, becomes a tmpfs with the same
 * entries, each placed for itself. They are opened when they are mounted, below the root that is covered by then, and
 * those that are gone or have become links are left out (option "from-root", src/init/from-root.ts).
 */
import type { Mount } from "../spec/index.ts";
import { readOnlyBind } from "./mounts.ts";
import type { Entry, HostView } from "./view.ts";

/** How the tree is placed. */
export interface TreeOptions {
  readonly view: HostView;
  /** Overlays are wanted; else everything is bound, read-only. */
  readonly overlay: boolean;
  /**
   * Nothing is to be written: overlays are read-only ones. Other than a bind they show no socket and FIFO of the host's,
   * and what covers a file in one holds when the host renames another over it.
   */
  readonly readOnly: boolean;
  /** Directories that are not bound as a whole where there can be no overlay, but put together from their entries. */
  readonly apart: ReadonlySet<string>;
  /** Directories over which the kernel has refused one. */
  readonly refused: ReadonlySet<string>;
  /** Directory that keeps what is written; without it a tmpfs does until the end. */
  readonly upper: string | undefined;
  /** Whose is what is made: everything the caller's, as itself; or of the root inside, which the caller may be. */
  readonly owner: "caller" | "root";
  /** The caller has its own ids inside, and what is the caller's is to stay so. */
  readonly keepsIds: boolean;
  /** Directories in which the caller is to be able to write. */
  readonly writable: readonly string[];
  /** Those of them that one works in: what cannot be written there is told. */
  readonly work: readonly string[];
  /** Paths that are left out. */
  readonly skip: ReadonlySet<string>;
}

/** The tree's mounts, and what one should know about it. */
export interface PlacedTree {
  readonly mounts: readonly Mount[];
  /** A line each. */
  readonly notices: readonly string[];
  /** Why the kernel's overlays do not do where one works, though fuse-overlayfs might; null when they do. */
  readonly wanting: string | null;
}

/** More mounts than that are not made: the kernel has an end of its own (fs.mount-max, 100,000). */
const MANY = 30_000;

/** File systems that overlayfs takes as its lower directory. Others are bound read-only. */
export const LOWER =
  /^(ext[234]|xfs|btrfs|zfs|f2fs|bcachefs|jfs|reiserfs|tmpfs|ramfs|rootfs|overlay|erofs|squashfs|iso9660|nfs4?|9p|virtiofs)$/;

/** Places the directory `source` of the host, absolute, on `destination`. */
export function placeTree(source: string, destination: string, options: TreeOptions): PlacedTree {
  const placing = new Placing(options);
  const entry = options.view.follow(source);
  if (entry !== null) placing.directory(source, destination, entry);
  for (const path of options.writable) placing.own(path);
  return placing;
}

const STICKY = 0o1000;
const OWNERS = 0o700;
const WRITERS = 0o222;
/** What mkdir(2) takes of a mode. */
const MODES = 0o1777;
const READ = 4;

/** Of files beside a mount that are copied: the size of one, and of all, in bytes. */
const COPY_MAX = 1 << 20;
const COPIES_MAX = 64 << 20;

class Placing implements PlacedTree {
  readonly mounts: Mount[] = [];
  readonly notices: string[] = [];
  wanting: string | null = null;
  private readonly placed = new Set<string>();
  /** Destinations that are a tmpfs, or a directory in one, with nothing in it but what is placed there. */
  private readonly made = new Set<string>();
  private readonly told: string[] = [];
  private copied = 0;

  constructor(private readonly o: TreeOptions) {}

  /**
   * Overlays of their own for the caller's parts of a path of the host. What is written below a directory of a user or
   * group without an id in the user namespace fails (EOVERFLOW): overlayfs would have to copy that directory up. So one
   * begins with each such directory on the way, if the caller may write there, else with the next one.
   */
  own(path: string): void {
    const { nested, mayWrite } = this.o.view;
    if (!nested || !this.o.overlay || this.o.readOnly) return;
    const parts = path.split("/").filter(Boolean);
    let wanted = true;
    for (let n = 1; n <= parts.length; n++) {
      const directory = `/${parts.slice(0, n).join("/")}`;
      if (this.o.skip.has(directory)) return;
      const entry = this.o.view.entry(directory);
      if (entry?.type !== "dir") return;
      const foreign = this.isForeign(entry);
      const begins: boolean = (foreign || wanted) && mayWrite(directory);
      if (begins && !this.placed.has(directory)) this.directory(directory, directory, entry);
      wanted = (foreign || wanted) && !begins;
    }
    if (wanted) return;
    if (this.o.work.includes(path) && this.isShared(path)) {
      this.lack(
        `files of other users or groups in ${path} cannot be changed (EOVERFLOW): overlayfs makes no copies for owners ` +
          "without an id in the container; --rw writes to the real ones, --overlay fuse to copies",
      );
    }
  }

  /** Whether the owner or the group may have no id in the container. */
  private isForeign({ uid, gid }: Entry): boolean {
    const { caller } = this.o.view;
    return uid !== caller.uid || gid !== caller.gid;
  }

  /** Whether others have made a directory, or some of what is in it, and the caller could change that outside. */
  private isShared(directory: string): boolean {
    const { view } = this.o;
    const entry = view.entry(directory);
    if (entry === null || (entry.mode & STICKY) !== 0) return false;
    if (entry.uid !== view.caller.uid) return true;
    return directory !== view.environment.HOME && view.isShared(directory);
  }

  directory(source: string, destination: string, entry: Entry): void {
    this.placed.add(destination);
    const names = this.hasMounts(source) ? this.o.view.list(source) : undefined;
    if (names && this.mounts.length + names.length <= MANY) {
      this.composite(source, destination, entry, names);
    } else if (names === undefined && this.takesOverlay(source, destination)) {
      const bare = this.isBare(source, destination, entry);
      this.mounts.push(
        bare
          ? this.directoryOf(source, destination, entry, this.o.readOnly)
          : this.overlay(source, destination, entry),
      );
    } else if (names === undefined && destination !== "/" && this.o.apart.has(source)) {
      this.readOnly(source, names);
      this.composite(source, destination, entry, this.o.view.list(source) ?? [], true);
    } else if (names === null && this.o.view.lacksSetattr()) {
      // The caller cannot look into it, and what is mounted there could not be bound read-only.
      this.composite(source, destination, entry, []);
    } else {
      this.readOnly(source, names);
      const alone = names === undefined && this.o.view.lacksSetattr();
      if (destination !== "/") this.mounts.push(fromRoot(readOnlyBind(source, destination, alone)));
      // What is missing in it could not be made.
      else this.composite(source, destination, entry, names ?? this.o.view.list(source) ?? []);
    }
  }

  /** Tells of a directory that is read-only though the caller could write to it, where that matters. */
  private readOnly(source: string, names: readonly string[] | null | undefined): void {
    if (!this.o.overlay || this.o.readOnly || !this.o.view.mayWrite(source)) return;
    if (this.told.some((path) => source.startsWith(slashed(path)))) return;
    if (!names && !this.o.work.some((path) => `${path}/`.startsWith(slashed(source)))) return;
    const why =
      names === undefined
        ? `no overlay on its file system, ${fileSystemType(this.o.view.mounts, source) || "which is in no mount table"}`
        : `there are mounts below it${names === null ? "" : `, and ${names.length} entries`}`;
    this.told.push(source);
    this.lack(`${source} is read-only: ${why}`);
  }

  private lack(why: string): void {
    this.notices.push(why);
    this.wanting ??= why;
  }

  /**
   * Whether an overlay would show nothing, and take nothing: over a directory of others that is empty, or into which the
   * caller may not look. It costs as much as ten directories.
   */
  private isBare(source: string, destination: string, entry: Entry): boolean {
    const { upper, view } = this.o;
    if (upper !== undefined || !this.made.has(parent(destination))) return false;
    if (entry.uid === view.caller.uid || (entry.mode & MODES) !== entry.mode || view.mayWrite(source))
      return false;
    const rights = view.rights(source);
    return rights === 0 || ((rights & READ) !== 0 && view.isEmpty(source));
  }

  /** A tmpfs with the mode and the owner of a directory, and where there is one already, a directory in that. */
  private directoryOf(source: string, destination: string, entry: Entry, closed: boolean): Mount {
    const mode = this.mode(source, entry) & (closed ? ~WRITERS : ~0);
    const within = this.made.has(parent(destination)) && (mode & MODES) === mode;
    const options = within ? ["directory"] : ["nosuid", "nodev"];
    options.push(`mode=${mode.toString(8)}`, ...this.owner(entry));
    return { destination, type: "tmpfs", source: "tmpfs", options };
  }

  /** A tmpfs with the same entries; one that is closed gets no others. */
  private composite(
    source: string,
    destination: string,
    entry: Entry,
    names: readonly string[],
    closed = this.o.readOnly,
  ): void {
    this.mounts.push(this.directoryOf(source, destination, entry, closed));
    this.made.add(destination);
    const left: string[] = [];
    for (const name of names) {
      const from = `${slashed(source)}${name}`;
      const to = `${slashed(destination)}${name}`;
      const found = this.o.skip.has(to) ? null : this.o.view.entry(from);
      if (found?.type === "dir") this.directory(from, to, found);
      else if (found?.type === "link") this.mounts.push(linkTo(from, to));
      // Sockets and FIFOs lead to programs of the host, as copies would not.
      else if (found?.type === "device") this.mounts.push(fromRoot(readOnlyFile(from, to)));
      else if (found?.type === "file" && !this.file(from, to, found)) left.push(name);
    }
    const why = "since there are mounts below it";
    if (!this.o.work.includes(source)) return;
    if (left.length > 0) this.notices.push(`read-only in ${source}, ${why}: ${listed(left)}`);
    if (!closed && this.o.upper !== undefined)
      this.notices.push(`--upper does not keep the files that are directly in ${source}, ${why}`);
  }

  /** A file that lies beside a mount: a copy of it when it is small, else read-only. False when that is a loss. */
  private file(source: string, destination: string, entry: Entry): boolean {
    const own =
      this.o.overlay &&
      !this.o.readOnly &&
      entry.uid === this.o.view.caller.uid &&
      this.o.view.mayWrite(source);
    const copies = own && entry.size <= COPY_MAX && this.copied + entry.size <= COPIES_MAX;
    const copy: Mount = { destination, type: "bind", source, options: ["bind", "tmpcopyup"] };
    if (copies) this.copied += entry.size;
    this.mounts.push(fromRoot(copies ? copy : readOnlyFile(source, destination)));
    return copies || !own;
  }

  private overlay(source: string, destination: string, entry: Entry): Mount {
    const { upper, view } = this.o;
    const place = destination === "/" ? "" : destination;
    // In one that is kept there are the directories of other overlays, made by the caller, and `diff` reads it. What lies below
    // is as closed as it was: the kernel asks for the caller's rights there, too.
    const mode = this.mode(source, entry) | (upper === undefined ? 0 : OWNERS);
    const above = [
      ...(upper === undefined
        ? ["tmpupper", ...this.owner(entry)]
        : [`upperdir=${upper}/upper${place}`, `workdir=${upper}/work${place}`]),
      ...(mode === entry.mode ? [] : [`mode=${mode.toString(8)}`]),
    ];
    const attributes = view.nested ? ["userxattr"] : [];
    // Earlier runs have written to it.
    const kept = upper === undefined ? [] : ["src-nosymlinks"];
    const readOnly = this.o.readOnly ? ["ro"] : [];
    const options = ["from-root", `lowerdir=${source}`, ...kept, ...readOnly, ...above, ...attributes];
    return { destination, type: "overlay", source: "overlay", options };
  }

  /**
   * The mode of what stands for a directory. Where all is the caller's own, the rights of the owner are those that
   * the caller has outside.
   */
  private mode(path: string, entry: Entry): number {
    const { owner, view } = this.o;
    if (owner === "root" || entry.uid === view.caller.uid) return entry.mode;
    return (entry.mode & ~OWNERS) | (view.rights(path) << 6);
  }

  /** The caller's own directories stay its own. */
  private owner(entry: Entry): string[] {
    const { keepsIds, owner, view } = this.o;
    const { uid, gid } = view.caller;
    if (!keepsIds || owner === "caller" || entry.uid !== uid) return [];
    return [`uid=${uid}`, ...(entry.gid === gid ? [`gid=${gid}`] : [])];
  }

  private hasMounts(path: string): boolean {
    const start = slashed(path);
    return this.o.view.mounts.some(({ point }) => point !== path && point.startsWith(start));
  }

  private takesOverlay(path: string, destination: string): boolean {
    // In one that is read-only no mount points can be made, which / has to have.
    if (!this.o.overlay || (this.o.readOnly && destination === "/")) return false;
    return !this.o.refused.has(path) && LOWER.test(fileSystemType(this.o.view.mounts, path));
  }
}

/** The type of the file system that holds a path. */
export function fileSystemType(mounts: HostView["mounts"], path: string): string {
  let type = "";
  let length = -1;
  for (const mount of mounts) {
    const { point } = mount;
    const holds = point === "/" || point === path || path.startsWith(`${point}/`);
    if (holds && point.length >= length) [type, length] = [mount.type, point.length];
  }
  return type;
}

/** Of so many names a line tells. */
const TOLD = 10;

function listed(names: readonly string[]): string {
  const more = names.length - TOLD;
  return `${names.slice(0, TOLD).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function slashed(path: string): string {
  return path === "/" ? "/" : `${path}/`;
}

function fromRoot(mount: Mount): Mount {
  return { ...mount, options: ["from-root", ...(mount.options ?? [])] };
}

function readOnlyFile(source: string, destination: string): Mount {
  return { destination, type: "bind", source, options: ["bind", "ro"] };
}

function linkTo(source: string, destination: string): Mount {
  return fromRoot({ destination, type: "bind", source, options: ["bind", "copy-symlink"] });
}
