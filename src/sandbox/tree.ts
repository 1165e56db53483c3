/**
 * A directory tree of the host as the root of a sandbox, or as a part of it: overlays where the kernel takes them.
 *
 * An overlay does not cross mount points, and in a user namespace the kernel refuses one over a directory that has
 * any (they cover what the caller is not to see). Such a directory, as / always is, becomes a tmpfs with the same
 * entries, each placed for itself.
 */
import type { Mount } from "../spec/index.ts";
import { readOnlyBind } from "./mounts.ts";
import type { Entry, HostView } from "./view.ts";

/** How the tree is placed. */
export interface TreeOptions {
  readonly view: HostView;
  /** Overlays are wanted; else everything is read-only. */
  readonly overlay: boolean;
  /** Directories over which the kernel has refused one. */
  readonly refused: ReadonlySet<string>;
  /** Directory that keeps what is written; without it a tmpfs does until the end. */
  readonly upper: string | undefined;
  /** The caller has its own ids inside; else it is root, whose everything is that nobody else owns. */
  readonly keepsIds: boolean;
  /** Directories in which the caller is to be able to write. */
  readonly writable: readonly string[];
  /** Paths that are left out. */
  readonly skip: ReadonlySet<string>;
}

/** The tree's mounts, and what one should know about it: a line each. */
export interface PlacedTree {
  readonly mounts: readonly Mount[];
  readonly notices: readonly string[];
}

/** More entries than that are not placed one by one. */
const MANY = 256;

/** File systems that overlayfs takes as its lower directory. Others are bound read-only. */
const LOWER =
  /^(ext[234]|xfs|btrfs|zfs|f2fs|bcachefs|jfs|reiserfs|tmpfs|ramfs|rootfs|overlay|erofs|squashfs|iso9660|nfs4?|9p|virtiofs)$/;

/** Places the directory `source` of the host, absolute, on `destination`. */
export function placeTree(source: string, destination: string, options: TreeOptions): PlacedTree {
  const placing = new Placing(options);
  const entry = options.view.follow(source);
  if (entry !== null) placing.directory(source, destination, entry);
  for (const path of options.writable) placing.own(path);
  return placing;
}

class Placing implements PlacedTree {
  readonly mounts: Mount[] = [];
  readonly notices: string[] = [];
  private readonly placed = new Set<string>();

  constructor(private readonly o: TreeOptions) {}

  /**
   * An overlay of its own for the caller's part of a path of the host. What is written below a directory of a user
   * who has no id in the user namespace fails (EOVERFLOW): overlayfs would have to copy that directory up.
   */
  own(path: string): void {
    const { caller, nested } = this.o.view;
    if (!nested || !this.o.overlay) return;
    const parts = path.split("/").filter(Boolean);
    for (let n = 1; n <= parts.length; n++) {
      const directory = `/${parts.slice(0, n).join("/")}`;
      if (this.o.skip.has(directory)) return;
      const entry = this.o.view.entry(directory);
      if (entry?.type !== "dir") return;
      if (entry.uid !== caller.uid && n < parts.length) continue;
      if (this.placed.has(directory) || !this.o.view.mayWrite(directory)) return;
      this.directory(directory, directory, entry);
      return;
    }
  }

  directory(source: string, destination: string, entry: Entry): void {
    this.placed.add(destination);
    const names = this.hasMounts(source) ? this.o.view.list(source) : undefined;
    if (names !== undefined && names !== null && names.length <= MANY) {
      this.composite(source, destination, entry, names);
    } else if (names === undefined && this.o.overlay && this.takesOverlay(source)) {
      this.mounts.push(this.overlay(source, destination, entry));
    } else if (destination === "/") {
      // What is missing in it could not be made.
      this.composite(source, destination, entry, names ?? this.o.view.list(source) ?? []);
    } else {
      if (this.o.overlay && this.o.view.mayWrite(source)) {
        this.notices.push(
          `${source} is read-only: ${names === undefined ? "no overlay on its file system" : "there are mounts below it"}`,
        );
      }
      this.mounts.push(readOnlyBind(source, destination));
    }
  }

  /** A tmpfs with the same entries. */
  private composite(source: string, destination: string, entry: Entry, names: readonly string[]): void {
    const options = ["nosuid", "nodev", `mode=${entry.mode.toString(8)}`, ...this.owner(entry)];
    this.mounts.push({ destination, type: "tmpfs", source: "tmpfs", options });
    for (const name of names) {
      const from = source === "/" ? `/${name}` : `${source}/${name}`;
      const to = destination === "/" ? `/${name}` : `${destination}/${name}`;
      const found = this.o.skip.has(to) ? null : this.o.view.entry(from);
      if (found?.type === "dir") this.directory(from, to, found);
      else if (found?.type === "link") this.mounts.push(linkTo(from, to));
      // A socket leads to a service of the host, as a copy would not.
      else if (found?.type === "file")
        this.mounts.push({ ...readOnlyBind(from, to), options: ["bind", "ro"] });
    }
  }

  private overlay(source: string, destination: string, entry: Entry): Mount {
    const { upper, view } = this.o;
    const place = destination === "/" ? "" : destination;
    const above =
      upper === undefined
        ? ["tmpupper", ...this.owner(entry)]
        : [`upperdir=${upper}/upper${place}`, `workdir=${upper}/work${place}`];
    const attributes = view.nested ? ["userxattr"] : [];
    const options = [`lowerdir=${source}`, ...above, ...attributes];
    return { destination, type: "overlay", source: "overlay", options };
  }

  /** The caller's own directories stay its own. */
  private owner(entry: Entry): string[] {
    const { keepsIds, view } = this.o;
    const { uid, gid } = view.caller;
    if (!keepsIds || entry.uid !== uid) return [];
    return [`uid=${uid}`, ...(entry.gid === gid ? [`gid=${gid}`] : [])];
  }

  private hasMounts(path: string): boolean {
    const start = path === "/" ? "/" : `${path}/`;
    return this.o.view.mounts.some(({ point }) => point !== path && point.startsWith(start));
  }

  private takesOverlay(path: string): boolean {
    if (this.o.refused.has(path)) return false;
    // They have a meaning in the options of a mount.
    if (/[,:\\]/.test(path) || (this.o.upper !== undefined && /[,:\\]/.test(this.o.upper))) return false;
    let type = "";
    let length = -1;
    for (const mount of this.o.view.mounts) {
      const { point } = mount;
      const holds = point === "/" || point === path || path.startsWith(`${point}/`);
      if (holds && point.length >= length) [type, length] = [mount.type, point.length];
    }
    return LOWER.test(type);
  }
}

function linkTo(source: string, destination: string): Mount {
  return { destination, type: "bind", source, options: ["bind", "copy-symlink"] };
}
