/** The caller's files that a sandbox of the host hides by default. */
import { BrunError } from "../errors.ts";
import { variables } from "../host/ask-caller.ts";
import { matcher } from "../host/pattern.ts";
import type { Mount } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { homes, passwdHome } from "./homes.ts";
import { hostPath } from "./host-path.ts";
import type { SandboxOptions } from "./options.ts";
import { Places, within } from "./places.ts";
import {
  LINKED_SECRETS,
  MOVED_DIRECTORIES,
  NAMED_SECRETS,
  OTHER_HOMES,
  SECRET_PATHS,
  SECRETS_IN_TMP,
  TEMPORARY_DIRECTORIES,
} from "./secret-paths.ts";
import { isSecretName } from "./secret-variables.ts";
import { runtimeDirectory } from "./system.ts";
import type { HostView } from "./view.ts";

/** The cover for a place of {@link hiddenPlaces}: an empty directory, or /dev/null. */
export function hidingCover(destination: string, view: HostView): Mount {
  if (view.follow(destination)?.type !== "dir")
    return {
      destination,
      type: "bind",
      source: "/dev/null",
      options: ["bind", "dest-nosymlinks", "nosuid", "noexec"],
    };
  const options = [
    "ro",
    "dest-nosymlinks",
    "nosuid",
    "nodev",
    "noexec",
    "mode=555",
    "nr_blocks=1",
    "nr_inodes=64",
  ];
  return { destination, type: "tmpfs", source: "hidden", options };
}

/** Directories that a sandbox replaces anyway: kernel file systems and /run. */
const NOT_HOST = ["/dev", "/proc", "/sys", "/run"];

/** The hidden places, and the secrets that are not hidden. */
export interface Hidden {
  /** Paths without symbolic links, in every mount that shows the place. None is below another. */
  readonly places: readonly string[];
  /** Secrets that contain a home or the current directory. The program needs these, so they stay. */
  readonly shown: readonly string[];
}

/**
 * Finds the places to hide: existing secrets, and the paths of --hide. Throws a BrunError for a missing path
 * of --hide.
 * @param userHome the home of the user who runs the program, if that is not the caller
 */
export function hiddenPlaces(
  { root, withSecrets, hide }: Pick<SandboxOptions, "root" | "withSecrets" | "hide">,
  view: HostView,
  userHome: string | null = null,
): Hidden {
  if (root.kind !== "host") return { places: [], shown: [] };
  const places = new Places(view);
  const notHost = [...NOT_HOST, runtimeDirectory(view) ?? "/run"];
  const found = new Set<string>();
  const shown = new Set<string>();
  const add = (path: string, isKept: (place: string) => boolean) => {
    for (const place of places.aliases(places.way(path).end)) {
      if (notHost.some((own) => within(own, place)) || view.follow(place) === null) continue;
      if (isKept(place)) shown.add(place);
      else found.add(place);
    }
  };
  for (const text of hide) {
    const path = hostPath(text, view);
    const where = `--hide ${text}`;
    if (view.follow(path) === null) throw new BrunError(`${path} does not exist`, { where });
    if (places.way(path).end === "/") throw new BrunError("the root cannot be hidden", { where });
    add(path, () => false);
  }
  if (!withSecrets) {
    const all = [...homes(view), ...(userHome === null || userHome === "/" ? [] : [userHome])];
    const ends = all.map((home) => places.way(home).end);
    const isKept = (place: string) => ends.some((end) => within(place, end)) || view.here.isIn(place);
    for (const path of secretPaths(view, all)) add(path, isKept);
    for (const path of linkedSecrets(found, ends, places, view)) add(path, isKept);
  }
  const isOutermost = (place: string) => ![...found].some((other) => other !== place && within(other, place));
  return { places: [...found].filter(isOutermost), shown: [...shown] };
}

/** The maximum of entries of a directory whose links are read. */
const LINKS = 256;

/** Files in a home that are targets of links in directories of secrets. */
function linkedSecrets(
  found: ReadonlySet<string>,
  ends: readonly string[],
  places: Places,
  view: HostView,
): string[] {
  const directories = ends.flatMap((home) => LINKED_SECRETS.map((name) => `${home}/${name}`));
  return directories.flatMap((directory) => {
    if (!found.has(directory)) return [];
    return (view.list(directory) ?? []).slice(0, LINKS).flatMap((name) => {
      if (view.link(`${directory}/${name}`) === null) return [];
      const { end } = places.way(`${directory}/${name}`);
      return ends.some((home) => within(home, end)) && view.entry(end)?.type === "file" ? [end] : [];
    });
  });
}

function secretPaths(view: HostView, all: readonly string[]): Set<string> {
  const { environment: env } = view;
  const names = new Names(view);
  const paths = new Set<string>();
  const add = (base: string | undefined, list: readonly string[]) => {
    if (base === undefined) return;
    for (const path of names.find(base, list)) paths.add(path);
  };
  const directory = (variable: string) => namedPaths(env[variable] ?? "", view)[0];
  for (const home of [...all, ...OTHER_HOMES.map(directory)]) add(home, SECRET_PATHS);
  for (const base of ["/tmp", ...TEMPORARY_DIRECTORIES.map(directory)]) {
    if (base === undefined) continue;
    for (const path of names.find(base, SECRETS_IN_TMP)) {
      // A link of another user is not a secret. It could also make brun cover any file.
      const entry = view.entry(path);
      if (entry?.type !== "link" || entry.uid === view.caller.uid) paths.add(path);
    }
  }
  for (const [variable, moved] of Object.entries(MOVED_DIRECTORIES)) {
    const start = `${moved}/`;
    const below = env[variable] ? SECRET_PATHS.filter((name) => name.startsWith(start)) : [];
    add(
      directory(variable),
      below.map((name) => name.slice(start.length)),
    );
  }
  const named = new Set(NAMED_SECRETS);
  for (const [variable, value] of variables(env)) {
    if (named.has(variable.toUpperCase())) for (const path of namedPaths(value, view)) paths.add(path);
    // Any other variable names one file at most.
    else if (/^[/~]/.test(value) && isSecretName(variable)) paths.add(hostPath(value, view));
  }
  return paths;
}

/**
 * The paths in a variable, separated by colons. As in the programs, a relative path is relative to the
 * current directory, and "~" is the home: shells do not replace it after a colon, and settings files do not
 * either. KRB5CCNAME has a type before the path.
 */
function namedPaths(value: string, view: HostView): string[] {
  if (/^(KEYRING|KCM|MEMORY|API|MSLSA|PERSISTENT):/.test(value)) return [];
  const parts = value.replace(/^(FILE|DIR):/, "").split(":");
  return parts.filter((part) => part !== "").map((part) => hostPath(part, view));
}

/**
 * Looks names up. Each directory is asked for all names at once, since most of the hundreds of paths do not
 * exist.
 */
class Names {
  private readonly found = new Map<string, readonly string[] | null>();

  constructor(private readonly view: Pick<HostView, "names">) {}

  /** The existing paths below a directory for these names, in which a star stands for any characters. */
  find(base: string, names: readonly string[]): string[] {
    this.look(
      base,
      names.map((name) => name.split("/")),
    );
    return names.flatMap((name) => {
      let paths = [base];
      for (const part of name.split("/"))
        paths = paths.flatMap((directory) =>
          this.matches(directory, part).map((one) => `${directory}/${one}`),
        );
      return paths;
    });
  }

  /** Asks for the first part of each name, and then for the following parts below those that exist. */
  private look(directory: string, names: readonly (readonly string[])[]): void {
    const parts = [...new Set(names.map(([part]) => part!))];
    const before = this.found.get(directory) ?? [];
    const now = this.view.names(directory, parts);
    this.found.set(directory, now && [...new Set([...before, ...now])].sort());
    const below = new Map<string, (readonly string[])[]>();
    for (const [part, ...rest] of names) {
      if (rest.length === 0) continue;
      for (const one of this.matches(directory, part!)) {
        const list = below.get(one) ?? [];
        list.push(rest);
        below.set(one, list);
      }
    }
    for (const [one, rest] of below) this.look(`${directory}/${one}`, rest);
  }

  private matches(directory: string, part: string): readonly string[] {
    const names = this.found.get(directory) ?? null;
    // The caller may enter the directory, but not list it.
    if (names === null) return part.includes("*") ? [] : [part];
    if (part.includes("*")) return names.filter(matcher([part]));
    return names.includes(part) ? [part] : [];
  }
}

/** Notices about secrets for the caller, a line each. */
export function secretNotices({ shown }: Hidden, view: HostView, writable: readonly string[]): string[] {
  const { HOME } = view.environment;
  const notices: string[] = [];
  if (!HOME?.startsWith("/") || absolute(HOME) === "/") {
    const [home] = homes(view);
    const why = HOME ? `HOME is ${HOME}` : "HOME is not set";
    notices.push(
      home === undefined
        ? `${why}, and ${passwdHome(view) ? "it is / in" : "you are not in"} /etc/passwd: secrets in a home directory are not hidden`
        : `${why}: secrets are hidden in ${home}, your home directory in /etc/passwd`,
    );
  }
  if (shown.length > 0) {
    notices.push(`not hidden, since your home or the current directory is in it: ${shown.join(", ")}`);
  }
  for (const path of writable) {
    if (!homes(view).some((home) => within(path, home))) continue;
    notices.push(
      `--rw ${path}: secrets there are hidden as they are now; what is put in their place meanwhile is seen; name a directory in it`,
    );
  }
  return notices;
}
