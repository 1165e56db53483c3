/**
 * Places a directory tree of the host as the root of a sandbox, or as a part of it. It uses overlays where
 * the kernel allows them.
 *
 * An overlay does not cross mount points. In a user namespace the kernel refuses an overlay over a directory
 * with mount points, since these may hide files from the caller. Such a directory (/ always is one) becomes a
 * tmpfs with the same entries, each placed separately. Entries are opened when they are mounted, below the
 * root that is hidden by then. Those that have gone or have become links are left out (option "from-root",
 * src/init/from-root.ts).
 */
import type { Mount } from "../spec/index.ts";
import { readOnlyBind } from "./mounts.ts";
import { parentOf } from "./places.ts";
import type { Entry, HostView } from "./view.ts";

/** Options for placing a tree. */
export interface TreeOptions {
  readonly view: HostView;
  /** Whether to use overlays. Otherwise all is bound read-only. */
  readonly overlay: boolean;
  /**
   * Whether nothing is writable: overlays are read-only. Unlike a bind mount, an overlay does not give access
   * to the host's sockets and FIFOs, and covers in it stay if the host renames a file over the covered one.
   */
  readonly readOnly: boolean;
  /**
   * Directories that, if an overlay is not possible, are put together from their entries instead of being
   * bound as a whole.
   */
  readonly apart: ReadonlySet<string>;
  /** Directories over which the kernel has refused an overlay. */
  readonly refused: ReadonlySet<string>;
  /** The directory that keeps written files. Without it they are in a tmpfs until the end. */
  readonly upper: string | undefined;
  /** The flag that keeps them. */
  readonly keepsBy: "--upper" | "--keep";
  /**
   * The owner of new files: the caller as itself for all of them, or root inside, which the caller may be.
   */
  readonly owner: "caller" | "root";
  /** Whether the caller has its own ids inside, so that its files must stay its own. */
  readonly keepsIds: boolean;
  /** Directories that must be writable for the caller; null is the current one. */
  readonly writable: readonly (string | null)[];
  /** Those of them where the program works. Files that cannot be written there are reported. */
  readonly work: Pick<HostView["here"], "isAt" | "isIn">;
  /** Paths to leave out. */
  readonly skip: ReadonlySet<string>;
}

/** The tree's mounts, with notices. */
export interface PlacedTree {
  readonly mounts: readonly Mount[];
  /** One line each. */
  readonly notices: readonly string[];
  /**
   * The reason why the kernel's overlays are insufficient where the program works, if fuse-overlayfs might
   * help. Otherwise null.
   */
  readonly wanting: string | null;
}

/** The maximum of mounts. The kernel's limit is fs.mount-max (100,000). */
const MANY = 30_000;

/** File systems that overlayfs accepts as a lower directory. Others are bound read-only. */
export const LOWER =
  /^(ext[234]|xfs|btrfs|zfs|f2fs|bcachefs|jfs|reiserfs|tmpfs|ramfs|rootfs|overlay|erofs|squashfs|iso9660|nfs4?|9p|virtiofs)$/;

/** Places the directory `source` of the host (an absolute path) on `destination`. */
export function placeTree(source: string, destination: string, options: TreeOptions): PlacedTree {
  const placing = new Placing(options);
  const entry = options.view.follow(source);
  if (entry !== null) placing.directory(source, destination, entry);
  for (const path of options.writable) {
    if (path === null) placing.ownHere();
    else placing.own(path);
  }
  return placing;
}

const STICKY = 0o1000;
const OWNERS = 0o700;
const WRITERS = 0o222;
/** The bits of a mode that mkdir(2) uses. */
const MODES = 0o1777;
const READ = 4;

/** The maximum size of a file beside a mount that is copied, and of all such files, in bytes. */
const COPY_MAX = 1 << 20;
const COPIES_MAX = 64 << 20;

class Placing implements PlacedTree {
  readonly mounts: Mount[] = [];
  readonly notices: string[] = [];
  wanting: string | null = null;
  private readonly placed = new Set<string>();
  /** Destinations that are a tmpfs, or a directory in one, and contain only what is placed there. */
  private readonly made = new Set<string>();
  private readonly told: string[] = [];
  /** Paths of {@link own} that an overlay holds. */
  private readonly owned: string[] = [];
  private copied = 0;

  constructor(private readonly o: TreeOptions) {}

  /**
   * Places separate overlays for the caller's parts of a path of the host. Writing below a directory whose
   * owner or group has no id in the user namespace fails (EOVERFLOW), since overlayfs would have to copy that
   * directory up. So an overlay begins at each such directory on the way if the caller may write there, and
   * otherwise at the next one.
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
    this.owned.push(path);
    if (this.o.work.isAt(path) && this.isShared(path)) {
      this.lack(
        `files of other users or groups in ${path} cannot be changed (EOVERFLOW): overlayfs makes no copies for owners ` +
          "without an id in the container; --rw writes to the real ones, --overlay fuse to copies",
      );
    }
  }

  /**
   * {@link own} for the current directory. Mostly an overlay above holds it with all directories on the way, which
   * are the caller's. Then it adds nothing, and the plan is good for other directories as well.
   */
  ownHere(): void {
    const { view, overlay, readOnly, skip } = this.o;
    if (!view.nested || !overlay || readOnly) return;
    const { here } = view;
    const { uid, gid } = view.caller;
    const isBelow = (path: string) => !here.isAt(path) && here.isByOwnWay(path, uid, gid);
    const isHeld = this.owned.some(isBelow) && ![...skip].some(here.isIn) && !here.isShared(uid, gid);
    if (!isHeld) this.own(view.cwd());
  }

  /** Whether the owner or the group may have no id in the container. */
  private isForeign({ uid, gid }: Entry): boolean {
    const { caller } = this.o.view;
    return uid !== caller.uid || gid !== caller.gid;
  }

  /**
   * Whether a directory, or a file directly in it, belongs to others, although the caller can change it
   * outside.
   */
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
      // The caller cannot list the directory, and mounts below it could not be bound read-only.
      this.composite(source, destination, entry, []);
    } else {
      this.readOnly(source, names);
      const alone = names === undefined && this.o.view.lacksSetattr();
      if (destination !== "/") this.mounts.push(fromRoot(readOnlyBind(source, destination, alone)));
      // A missing mount point could not be made in a read-only root.
      else this.composite(source, destination, entry, names ?? this.o.view.list(source) ?? []);
    }
  }

  /** Reports a directory that is read-only although the caller could write to it, if that matters. */
  private readOnly(source: string, names: readonly string[] | null | undefined): void {
    if (!this.o.overlay || this.o.readOnly || !this.o.view.mayWrite(source)) return;
    if (this.told.some((path) => source.startsWith(slashed(path)))) return;
    if (!names && !this.o.work.isIn(source)) return;
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
   * Whether an overlay would be useless: the directory belongs to others, and is empty or cannot be read by
   * the caller. An overlay costs as much as ten directories.
   */
  private isBare(source: string, destination: string, entry: Entry): boolean {
    const { upper, view } = this.o;
    if (upper !== undefined || !this.made.has(parentOf(destination))) return false;
    if (entry.uid === view.caller.uid || (entry.mode & MODES) !== entry.mode || view.mayWrite(source))
      return false;
    const rights = view.rights(source);
    return rights === 0 || ((rights & READ) !== 0 && view.isEmpty(source));
  }

  /**
   * A tmpfs with the mode and the owner of a directory. If the parent is a tmpfs already, a directory in
   * that.
   */
  private directoryOf(source: string, destination: string, entry: Entry, closed: boolean): Mount {
    const mode = this.mode(source, entry) & (closed ? ~WRITERS : ~0);
    const within = this.made.has(parentOf(destination)) && (mode & MODES) === mode;
    const options = within ? ["directory"] : ["nosuid", "nodev"];
    options.push(`mode=${mode.toString(8)}`, ...this.owner(entry));
    return { destination, type: "tmpfs", source: "tmpfs", options };
  }

  /** Places a tmpfs with the same entries. If it is closed, no others can be made. */
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
      // Sockets and FIFOs are left out, since they lead to the host's programs.
      else if (found?.type === "device") this.mounts.push(fromRoot(readOnlyFile(from, to)));
      else if (found?.type === "file" && !this.file(from, to, found)) left.push(name);
    }
    const why = "since there are mounts below it";
    if (!this.o.work.isAt(source)) return;
    if (left.length > 0) this.notices.push(`read-only in ${source}, ${why}: ${listed(left)}`);
    if (!closed && this.o.upper !== undefined)
      this.notices.push(`${this.o.keepsBy} does not keep the files that are directly in ${source}, ${why}`);
  }

  /**
   * Places a file beside a mount: a small one as a copy, others read-only. False if the caller could write to
   * it outside, and cannot here.
   */
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
    // A kept directory contains the directories of other overlays, which the caller makes, and `diff` reads
    // it. The files below stay as closed as they were, since the kernel checks the caller's rights there,
    // too.
    const mode = this.mode(source, entry) | (upper === undefined ? 0 : OWNERS);
    const above = [
      ...(upper === undefined
        ? ["tmpupper", ...this.owner(entry)]
        : [`upperdir=${upper}/upper${place}`, `workdir=${upper}/work${place}`]),
      ...(mode === entry.mode ? [] : [`mode=${mode.toString(8)}`]),
    ];
    const attributes = view.nested ? ["userxattr"] : [];
    // Earlier runs have written to a kept directory.
    const kept = upper === undefined ? [] : ["src-nosymlinks"];
    const readOnly = this.o.readOnly ? ["ro"] : [];
    const options = ["from-root", `lowerdir=${source}`, ...kept, ...readOnly, ...above, ...attributes];
    return { destination, type: "overlay", source: "overlay", options };
  }

  /**
   * The mode for a copy of a directory. If all files belong to the caller, the owner's rights are those of
   * the caller outside.
   */
  private mode(path: string, entry: Entry): number {
    const { owner, view } = this.o;
    if (owner === "root" || entry.uid === view.caller.uid) return entry.mode;
    return (entry.mode & ~OWNERS) | (view.rights(path) << 6);
  }

  /** Options by which the caller's own directories stay its own. */
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
    // No mount points can be made in a read-only overlay, but / needs some.
    if (!this.o.overlay || (this.o.readOnly && destination === "/")) return false;
    return !this.o.refused.has(path) && LOWER.test(fileSystemType(this.o.view.mounts, path));
  }
}

/** The type of the file system of a path. */
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

/** The maximum of names in a notice. */
const TOLD = 10;

function listed(names: readonly string[]): string {
  const more = names.length - TOLD;
  return `${names.slice(0, TOLD).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
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
