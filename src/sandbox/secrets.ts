/** What of the caller's files a sandbox of the host does not show unless it is asked for. */
import { BrunError } from "../errors.ts";
import type { Mount } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { homes, passwdHome } from "./homes.ts";
import { hostPath } from "./host-path.ts";
import type { SandboxOptions } from "./options.ts";
import { Places, within } from "./places.ts";
import { MOVED_DIRECTORIES, NAMED_SECRETS, SECRET_PATHS, SECRETS_IN_TMP } from "./secret-paths.ts";
import type { HostView } from "./view.ts";

/** What covers a place of {@link hiddenPlaces}: an empty directory, or /dev/null. */
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

/** Kernel file systems and /run: a sandbox has them of its own. */
const NOT_HOST = ["/dev", "/proc", "/sys", "/run"];

/**
 * Where that is what a sandbox of the host hides, of the secrets that there are and by --hide: without symbolic links
 * and by every mount that shows it; none is below another. What holds a home or the current directory is no secret,
 * whatever a variable says. Throws a BrunError for a path of --hide that is not there.
 */
export function hiddenPlaces({ root, withSecrets, hide }: SandboxOptions, view: HostView): string[] {
  if (root.kind !== "host") return [];
  const places = new Places(view);
  const found = new Set<string>();
  const add = (path: string, isKept: (place: string) => boolean) => {
    for (const place of places.aliases(places.way(path).end)) {
      if (isKept(place) || NOT_HOST.some((own) => within(own, place))) continue;
      if (view.follow(place) !== null) found.add(place);
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
    const { end: cwd } = places.way(view.cwd);
    const kept = [cwd, ...homes(view).map((home) => places.way(home).end)];
    const paths = [...secretPaths(view)].filter((path) => view.follow(path) !== null);
    for (const path of paths) add(path, (place) => kept.some((other) => within(place, other)));
  }
  return [...found].filter((place) => ![...found].some((other) => other !== place && within(other, place)));
}

function secretPaths(view: HostView): Set<string> {
  const { environment: env } = view;
  const paths = new Set<string>();
  const add = (base: string, name: string) => {
    for (const path of expand(view, base, name)) paths.add(path);
  };
  for (const home of homes(view)) for (const name of SECRET_PATHS) add(home, name);
  for (const name of SECRETS_IN_TMP) {
    // A link of another user's is no secret of the caller's: it could have anything covered.
    for (const path of expand(view, "/tmp", name)) {
      const entry = view.entry(path);
      if (entry?.type !== "link" || entry.uid === view.caller.uid) paths.add(path);
    }
  }
  for (const [variable, directory] of Object.entries(MOVED_DIRECTORIES)) {
    const base = env[variable] ?? "";
    if (!base.startsWith("/")) continue;
    for (const name of SECRET_PATHS)
      if (name.startsWith(`${directory}/`)) add(absolute(base), name.slice(directory.length + 1));
  }
  for (const variable of NAMED_SECRETS) {
    // KRB5CCNAME has a type before the path.
    for (const path of (env[variable] ?? "").replace(/^(FILE|DIR):/, "").split(":"))
      if (path.startsWith("/")) paths.add(absolute(path));
  }
  return paths;
}

/** The paths that a name with a star in its last part stands for. */
function expand({ list }: HostView, base: string, name: string): string[] {
  const path = `${base}/${name}`;
  if (!name.includes("*")) return [path];
  const end = path.lastIndexOf("/");
  const [start = "", rest = ""] = path.slice(end + 1).split("*");
  return (list(path.slice(0, end)) ?? [])
    .filter((one) => one.length >= start.length + rest.length && one.startsWith(start) && one.endsWith(rest))
    .map((one) => `${path.slice(0, end)}/${one}`);
}

/** What the caller should know about what is hidden where, a line each. */
export function secretNotices(view: HostView, writable: readonly string[]): string[] {
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
  for (const path of writable) {
    if (!homes(view).some((home) => within(path, home))) continue;
    notices.push(
      `--rw ${path}: secrets there are hidden as they are now; what is put in their place meanwhile is seen; name a directory in it`,
    );
  }
  return notices;
}
