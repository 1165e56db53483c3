/**
 * Resolves paths of the host: their end, the links and directories on the way, and other paths to the same
 * place.
 */
import { BrunError } from "../errors.ts";
import type { Entry, HostView } from "./view.ts";

/** The result of resolving a path. */
export interface Way {
  /** Directories and symbolic links on the way, by their own places, the outermost first. */
  readonly passed: readonly string[];
  /** The end of the path, without symbolic links. Missing parts are kept as they are. */
  readonly end: string;
}

/** The maximum of links that are followed (path_resolution(7)). */
const MAX_LINKS = 40;

/** Resolves absolute paths. Each link is read only once. */
export class Places {
  private readonly links = new Map<string, string | null>();

  constructor(private readonly view: Pick<HostView, "link" | "mounts">) {}

  /** Resolves an absolute path. */
  way(path: string): Way {
    const passed: string[] = [];
    const rest = path.split("/").reverse();
    let at = "";
    for (let links = 0; rest.length > 0; ) {
      const part = rest.pop()!;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at = at.slice(0, Math.max(at.lastIndexOf("/"), 0));
        continue;
      }
      const place = `${at}/${part}`;
      if (!passed.includes(place)) passed.push(place);
      const target = links < MAX_LINKS ? this.link(place) : null;
      if (target === null) {
        at = place;
        continue;
      }
      links += 1;
      if (target.startsWith("/")) at = "";
      rest.push(...target.split("/").reverse());
    }
    const end = at === "" ? "/" : at;
    return { passed: passed.filter((place) => place !== end), end };
  }

  /**
   * All paths of the host that lead to a place: the place itself, and paths at which other mounts show the
   * same part of its file system. Paths that another mount hides are included.
   * @param place a path without symbolic links
   */
  aliases(place: string): string[] {
    const { mounts } = this.view;
    const holding = mounts.reduce<(typeof mounts)[number] | undefined>(
      (best, mount) =>
        within(mount.point, place) && mount.point.length >= (best?.point.length ?? 0) ? mount : best,
      undefined,
    );
    if (holding === undefined) return [place];
    const inside = join(holding.root, beyond(holding.point, place));
    const found = mounts
      .filter(({ device, root }) => device === holding.device && within(root, inside))
      .map(({ point, root }) => join(point, beyond(root, inside)));
    return [...new Set([place, ...found])];
  }

  private link(place: string): string | null {
    let target = this.links.get(place);
    if (target === undefined) {
      target = this.view.link(place);
      this.links.set(place, target);
    }
    return target;
  }
}

/** A place of the host, after all decisions about it. */
export interface Settled {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly entry: Entry;
}

/**
 * Resolves a path of a flag. All decisions are about the resulting place, which is later opened with the
 * option "src-nosymlinks". So a program that swaps something on the way has no effect. Throws a BrunError if
 * there is nothing.
 * @param path an absolute path
 */
export function settle(path: string, flag: string, view: HostView): Settled {
  const { end } = new Places(view).way(path);
  const entry = view.entry(end);
  if (entry === null || view.follow(path) === null)
    throw new BrunError(`${path} does not exist`, { where: flag });
  if (view.isSame(path, end)) return { path: end, entry };
  throw new BrunError(`${path} leads to what has no path here, ${end} is something else`, {
    where: flag,
    hint: "a link of /proc leads into another mount namespace, or to a file that has been removed",
  });
}

/** Whether a path is a directory or below it. Only their names are compared. */
export function within(directory: string, path: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

/** The directory of an absolute path; "/" for the root itself. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The rest of a path after a directory that it is {@link within}: "" or "/…". */
export function beyond(directory: string, path: string): string {
  if (directory === "/") return path === "/" ? "" : path;
  return path.slice(directory.length);
}

/** Joins a directory and a rest of {@link beyond}. */
export function join(directory: string, rest: string): string {
  if (rest === "") return directory;
  return directory === "/" ? rest : directory + rest;
}
