/**
 * --rw DIR without --rw-all: what is below DIR and runs code on the host, when tools of the host come across it, is
 * read-only for the program.
 *
 * Each such file or directory is bound onto itself, read-only, so that it can neither be written nor renamed or replaced: it
 * is a mount point. So are the directories and links on the way to it, which stay writable. Nothing is searched: the
 * names are known (protected-names.ts, git-protection.ts).
 *
 * A name that is missing has to be there to be mounted on. brun takes it before the first mount, and gives it back when the
 * container has ended (taken-names.ts). What stands there meanwhile is of no use to anyone: {@link TakenName}.
 */
import type { Mount } from "../spec/index.ts";
import { gitPaths } from "./git-protection.ts";
import { homes } from "./homes.ts";
import { type Placed, readOnlyBind } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { Places, within } from "./places.ts";
import {
  PROTECTED_DIRECTORIES,
  PROTECTED_DIRECTORIES_IN_HOME,
  PROTECTED_FILES,
  PROTECTED_IN_HOME,
} from "./protected-names.ts";
import { type HostView, isIdInside } from "./view.ts";

/** A path that is to be protected, and what takes its name while there is nothing. */
export interface ProtectedPath {
  readonly path: string;
  readonly kind: TakenKind;
}

/**
 * What takes a name: an empty directory; a socket, which git passes over in a work tree, and nobody can open; a symbolic link
 * that leads nowhere, which looks to all who open it as if the name were free; the file `commondir` of a git directory that is its
 * own common directory, as it is without that file.
 */
export type TakenKind = "directory" | "socket" | "link" | "commondir";

/** A name that is taken for as long as a container lives. */
export interface TakenName {
  /** The directory that it is in, without symbolic links. */
  readonly directory: string;
  readonly name: string;
  readonly kind: TakenKind;
}

/** What --rw has protected. */
export interface Protection {
  readonly placed: readonly Placed[];
  /** Names that have to be taken before the mounts are made. */
  readonly taken: readonly TakenName[];
  /** What was there: a program can write to what replaces it on the host meanwhile. */
  readonly files: readonly string[];
}

/** Where no link of anyone's leads: nobody can make anything in /proc. */
export const TAKEN_LINK = "/proc/taken-by-brun";
/** The marks of what takes a name, by which an orphaned one is known. */
export const TAKEN_SOCKET_MODE = 0;
export const TAKEN_DIRECTORY_MODE = 0o1755;
export const TAKEN_COMMONDIR_MODE = 0o444;
export const TAKEN_COMMONDIR = ".\n";

/**
 * The mounts with those that protect, each right above its --rw: what other flags put there lies over it. Throws a BrunError.
 * @param placed the mounts in their order
 */
export function protect(placed: readonly Placed[], options: SandboxOptions, view: HostView): Protection {
  const trees = placed.filter(({ origin }) => origin === "writable");
  if (options.rwAll || trees.length === 0) return { placed, taken: [], files: [] };
  const protecting = new Protecting(trees, view);
  for (const { mount } of trees) protecting.tree(mount.destination);
  return {
    placed: placed.flatMap((one) => [one, ...protecting.above(one)]),
    taken: [...protecting.taken.values()],
    files: [...protecting.files],
  };
}

class Protecting {
  readonly taken = new Map<string, TakenName>();
  readonly files = new Set<string>();
  private readonly mounts = new Map<Placed, Map<string, Mount>>();
  private readonly places: Places;

  constructor(
    /** Those of --rw, whose sources are their destinations. */
    private readonly trees: readonly Placed[],
    private readonly view: HostView,
  ) {
    this.places = new Places(view);
  }

  /** Protects what is directly below a directory, and in those on the way from there to where the program works. */
  tree(path: string): void {
    this.directory(path);
    let at = this.places.way(this.view.cwd).end;
    for (; at !== path && within(path, at); at = at.slice(0, at.lastIndexOf("/")) || "/") this.directory(at);
  }

  /** Protects what is directly below a directory, in homes there, and in its repository. */
  private directory(path: string): void {
    if (this.view.entry(path)?.type !== "dir") return;
    const kind = this.isInRepository(path) ? "socket" : "link";
    for (const name of PROTECTED_FILES) this.add({ path: `${path}/${name}`, kind });
    for (const name of PROTECTED_DIRECTORIES) this.add({ path: `${path}/${name}`, kind: "directory" });
    for (const home of homes(this.view).map((one) => this.places.way(one).end)) {
      if (!within(path, home)) continue;
      for (const name of PROTECTED_IN_HOME) this.add({ path: `${home}/${name}`, kind: "link" });
      for (const name of PROTECTED_DIRECTORIES_IN_HOME)
        this.add({ path: `${home}/${name}`, kind: "directory" });
    }
    for (const one of gitPaths(path, this.places, this.view)) this.add(one);
  }

  /** What lies on a mount of --rw, the outermost first. */
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
    const missing = [...passed, end].find((place) => this.isFree(place));
    for (const place of passed) if (place !== missing) this.pin(place);
    if (missing === undefined) this.close(end);
    else if (this.mayBeMade(missing)) this.take(missing, missing === end ? kind : "directory");
  }

  /** Whether anybody inside can make it: not in a directory of somebody else's in which the caller cannot, such as /etc. */
  private mayBeMade(place: string): boolean {
    const { view } = this;
    const directory = place.slice(0, place.lastIndexOf("/")) || "/";
    if (view.mayWrite(directory)) return true;
    const owner = view.follow(directory)?.uid;
    return owner === undefined || isIdInside(view, owner);
  }

  /** The trees that show a place of the host, by which path; of trees in each other the innermost. */
  private shown(place: string): { readonly tree: Placed; readonly at: string }[] {
    return this.places.aliases(place).flatMap((at) => {
      const tree = this.trees.findLast(({ mount }) => within(mount.destination, at));
      return tree === undefined || tree.mount.destination === at ? [] : [{ tree, at }];
    });
  }

  private put(tree: Placed, mount: Mount): void {
    const mounts = this.mounts.get(tree) ?? new Map<string, Mount>();
    // What is read-only stays so, also when it is on the way to something else.
    if (!mounts.has(mount.destination) || mount.options?.includes("ro")) mounts.set(mount.destination, mount);
    this.mounts.set(tree, mounts);
  }

  /** Keeps what is on the way from being renamed. */
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
    // A mount point that is missing would be made: the name has been given back, since brun has been killed.
    return { ...mount, options: [...(mount.options ?? []), "src-nosymlinks", "dest-nofollow"] };
  }

  /** Whether there is nothing, but for what a killed brun has left. */
  private isFree(place: string): boolean {
    return this.view.entry(place) === null || orphan(place, this.view) !== null;
  }
}

/** What a brun that was killed, and all that would have tidied up after it, has left in the place of a name; else null. */
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
