/**
 * --rw DIR without --rw-all: files below DIR that make the host's tools run code are read-only for the
 * program.
 *
 * Each such file or directory is bound onto itself, read-only. As a mount point it cannot be written, renamed
 * or replaced. The directories and links on the way to it become mount points, too, but stay writable. brun
 * does not search: the names are known (protected-names.ts, git-protection.ts).
 *
 * A missing name must exist to be mounted on. brun takes it before the first mount, and gives it back after
 * the container's end (taken-names.ts). What stands there meanwhile has no effect for any tool:
 * {@link TakenKind}.
 */
import type { Mount } from "../spec/index.ts";
import { gitPaths } from "./git-protection.ts";
import { homes } from "./homes.ts";
import { type Placed, readOnlyBind } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { Places, parentOf, within } from "./places.ts";
import { PROTECTED_DIRECTORIES, PROTECTED_FILES, startUpPlaces } from "./protected-names.ts";
import { type HostView, isIdInside } from "./view.ts";

/** A path to protect, and the kind that takes its name if it is missing. */
export interface ProtectedPath {
  readonly path: string;
  readonly kind: TakenKind;
}

/**
 * What takes a name:
 * - directory: an empty one
 * - socket: no process can open it, and git ignores it in a work tree
 * - link: a symbolic link that leads nowhere; opening it looks as if the name were free
 * - commondir: the file `commondir` of a git directory that names that directory itself, which has the same
 * effect as no file
 */
export type TakenKind = "directory" | "socket" | "link" | "commondir";

/** A name that is taken during a container's life. */
export interface TakenName {
  /** The directory of the name, without symbolic links. */
  readonly directory: string;
  readonly name: string;
  readonly kind: TakenKind;
}

/** The result of {@link protect}. */
export interface Protection {
  readonly placed: readonly Placed[];
  /** Names to take before the mounts are made. */
  readonly taken: readonly TakenName[];
  /** Existing protected files. If the host replaces one meanwhile, the program can write to the new one. */
  readonly files: readonly string[];
}

/** The target of links that lead nowhere: no process can make a file in /proc. */
export const TAKEN_LINK = "/proc/taken-by-brun";
/** Marks of taken names. They identify those that a killed brun has left. */
export const TAKEN_SOCKET_MODE = 0;
export const TAKEN_DIRECTORY_MODE = 0o1755;
export const TAKEN_COMMONDIR_MODE = 0o444;
export const TAKEN_COMMONDIR = ".\n";

/**
 * Adds the mounts that protect. Each follows its --rw, so that mounts of later flags lie over it. Throws a
 * BrunError.
 * @param placed the mounts in their order
 */
export function protect(placed: readonly Placed[], options: SandboxOptions, view: HostView): Protection {
  const trees = placed.filter(({ origin }) => origin === "writable");
  if (options.rwAll || trees.length === 0) return { placed, taken: [], files: [] };
  const protecting = new Protecting(trees, view);
  protecting.homes();
  for (const { mount } of trees) protecting.tree(mount.destination);
  return {
    placed: placed.flatMap((one) => [one, ...protecting.above(one)]),
    taken: [...protecting.taken.values()],
    files: [...protecting.files],
  };
}

/** A path at which a mount of --rw shows a place of the host. */
interface Shown {
  readonly tree: Placed;
  readonly at: string;
}

class Protecting {
  readonly taken = new Map<string, TakenName>();
  readonly files = new Set<string>();
  private readonly mounts = new Map<Placed, Map<string, Mount>>();
  private readonly known = new Map<string, readonly Shown[]>();
  private readonly places: Places;

  constructor(
    /** The mounts of --rw. Their sources are their destinations. */
    private readonly trees: readonly Placed[],
    private readonly view: HostView,
  ) {
    this.places = new Places(view);
  }

  /** Protects files directly in a directory, and in each one on the way to the current directory. */
  tree(path: string): void {
    this.directory(path);
    if (!this.view.here.isIn(path)) return;
    let at = this.view.cwd();
    for (; at !== path && within(path, at); at = parentOf(at)) this.directory(at);
  }

  /**
   * Protects start-up files of the homes. Links may lead from a home that is not in any tree into one, as to a
   * directory of dotfiles.
   */
  homes(): void {
    const { files, directories } = startUpPlaces(homes(this.view), this.view.environment);
    for (const path of files) this.add({ path, kind: "link" });
    for (const path of directories) this.add({ path, kind: "directory" });
  }

  /** Protects files directly in a directory, and in its repository. */
  private directory(path: string): void {
    if (this.view.entry(path)?.type !== "dir") return;
    const kind = this.isInRepository(path) ? "socket" : "link";
    for (const name of PROTECTED_FILES) this.add({ path: `${path}/${name}`, kind });
    for (const name of PROTECTED_DIRECTORIES) this.add({ path: `${path}/${name}`, kind: "directory" });
    for (const one of gitPaths(path, this.places, this.view)) this.add(one);
  }

  /** The protecting mounts on a mount of --rw, the outermost first. */
  above(placed: Placed): Placed[] {
    const mounts = [...(this.mounts.get(placed)?.values() ?? [])];
    mounts.sort((a, b) => (a.destination < b.destination ? -1 : 1));
    return mounts.map((mount) => ({ mount, origin: "protected" as const, flag: placed.flag }));
  }

  private isInRepository(path: string): boolean {
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/")))
      if (this.view.entry(`${at}/.git`) !== null) return true;
    return false;
  }

  private add({ path, kind }: ProtectedPath): void {
    const { passed, end } = this.places.way(path);
    if (![...passed, end].some((place) => this.shown(place).length > 0)) return;
    const missing = [...passed, end].find((place) => this.isFree(place));
    for (const place of passed) {
      // What would come after a missing name is missing, too.
      if (place === missing) break;
      this.pin(place);
    }
    if (missing === undefined) this.close(end);
    else if (this.mayBeMade(missing)) this.take(missing, missing === end ? kind : "directory");
  }

  /**
   * Whether the program could make a place. It cannot in a directory that the caller may not write to, if the
   * owner has no id inside (such as /etc).
   */
  private mayBeMade(place: string): boolean {
    const { view } = this;
    const directory = parentOf(place);
    if (view.mayWrite(directory)) return true;
    const owner = view.follow(directory)?.uid;
    return owner === undefined || isIdInside(view, owner);
  }

  /** The trees that show a place of the host, and its path in each. Of nested trees the innermost counts. */
  private shown(place: string): readonly Shown[] {
    const known = this.known.get(place);
    if (known !== undefined) return known;
    const found = this.places.aliases(place).flatMap((at) => {
      const tree = this.trees.findLast(({ mount }) => within(mount.destination, at));
      return tree === undefined || tree.mount.destination === at ? [] : [{ tree, at }];
    });
    this.known.set(place, found);
    return found;
  }

  private put(tree: Placed, mount: Mount): void {
    const mounts = this.mounts.get(tree) ?? new Map<string, Mount>();
    // A read-only path stays read-only, even if it is on the way to another one.
    if (!mounts.has(mount.destination) || mount.options?.includes("ro")) mounts.set(mount.destination, mount);
    this.mounts.set(tree, mounts);
  }

  /** Keeps a directory or link on the way from being renamed. */
  private pin(place: string): void {
    const isLink = this.view.link(place) !== null;
    for (const { tree, at } of this.shown(place))
      this.put(tree, isLink ? linkOnItself(at) : { ...tree.mount, destination: at, source: at });
  }

  private close(place: string): void {
    for (const { tree, at } of this.shown(place)) {
      this.put(tree, this.readOnly(at));
      this.files.add(at);
    }
  }

  private take(place: string, wanted: TakenKind): void {
    const kind = orphan(place, this.view) ?? wanted;
    for (const { tree, at } of this.shown(place)) {
      this.put(tree, kind === "link" ? linkOnItself(at) : this.readOnly(at));
      const directory = at.slice(0, at.lastIndexOf("/"));
      this.taken.set(at, { directory, name: at.slice(directory.length + 1), kind });
    }
  }

  private readOnly(at: string): Mount {
    const alone = !this.view.mounts.some(({ point }) => within(at, point));
    const mount = readOnlyBind(at, at, alone);
    // Without these options a missing mount point would be made. It is missing if brun was killed and the
    // name has been given back.
    return { ...mount, options: [...(mount.options ?? []), "src-nosymlinks", "dest-nofollow"] };
  }

  /** Whether a name is free, or taken by a killed brun. */
  private isFree(place: string): boolean {
    return this.view.entry(place) === null || orphan(place, this.view) !== null;
  }
}

/** The kind that takes a name, if a killed brun has left it; otherwise null. */
function orphan(place: string, view: HostView): TakenKind | null {
  const entry = view.entry(place);
  if (entry === null || entry.uid !== view.caller.uid) return null;
  const { type, mode, size } = entry;
  if (type === "socket") return mode === TAKEN_SOCKET_MODE ? "socket" : null;
  if (type === "link") return view.link(place) === TAKEN_LINK ? "link" : null;
  if (type === "dir")
    return mode === TAKEN_DIRECTORY_MODE && view.list(place)?.length === 0 ? "directory" : null;
  const isOurs = mode === TAKEN_COMMONDIR_MODE && size === TAKEN_COMMONDIR.length;
  return type === "file" && isOurs && view.text(place) === TAKEN_COMMONDIR ? "commondir" : null;
}

function linkOnItself(at: string): Mount {
  const options = ["bind", "src-nofollow", "src-nosymlinks", "dest-nofollow"];
  return { destination: at, type: "bind", source: at, options };
}
