/** -v, --tmpfs and --rw. */
import { BrunError } from "../errors.ts";
import type { Mount } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import type { Placed } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { Places } from "./places.ts";
import type { HostView } from "./view.ts";

/** Mount options that a volume may have, as podman has them. */
const VOLUME_OPTIONS = new Set(
  "ro rw exec noexec suid nosuid dev nodev bind rbind private rprivate slave rslave shared rshared idmap".split(
    " ",
  ),
);

/** The mounts of --tmpfs and -v, those with shorter destinations first. Throws a BrunError. */
export function volumes(options: SandboxOptions, view: HostView): Placed[] {
  const placed = [
    ...options.tmpfs.map((text) => ({
      flag: `--tmpfs ${text}`,
      mount: tmpfs(text, options.root.kind === "host"),
    })),
    ...options.volume.map((text) => ({ flag: `-v ${text}`, mount: volume(text, view) })),
  ];
  const depth = ({ mount }: Placed) => mount.destination.split("/").length;
  return placed.sort((a, b) => depth(a) - depth(b));
}

function inside(destination: string, flag: string): string {
  if (!destination.startsWith("/")) {
    throw new BrunError(`${destination} is not absolute`, {
      where: flag,
      hint: "a path in the container begins with /",
    });
  }
  const clean = absolute(destination);
  if (clean === "/")
    throw new BrunError("the root cannot be replaced", { where: flag, hint: "that is --rootfs" });
  return clean;
}

/** --tmpfs PATH[:OPTIONS]: begins with what it covers, as podman's; over the host, where it hides things, it is empty. */
function tmpfs(text: string, host: boolean): Mount {
  const [path = "", given = ""] = text.split(":");
  const words = given.split(",").filter(Boolean);
  const wanted = words.filter((word) => word !== "tmpcopyup" && word !== "notmpcopyup");
  const options = ["nosuid", "nodev", "noexec", ...wanted];
  if (words.includes("tmpcopyup") || (!host && !words.includes("notmpcopyup"))) options.push("tmpcopyup");
  return { destination: inside(path, `--tmpfs ${text}`), type: "tmpfs", source: "tmpfs", options };
}

/** -v [SOURCE:]PATH[:OPTIONS]. */
function volume(text: string, view: HostView): Mount {
  const flag = `-v ${text}`;
  const [first = "", second, third, more] = text.split(":");
  if (more !== undefined)
    throw new BrunError("has too many colons", { where: flag, hint: "SOURCE:PATH[:OPTIONS]" });
  if (second === undefined) {
    const destination = inside(first, flag);
    return { destination, type: "tmpfs", source: "volume", options: ["nosuid", "nodev", "tmpcopyup"] };
  }
  if (!/^[./~]/.test(first)) {
    throw new BrunError(`"${first}" would be a named volume, which brun does not keep`, {
      where: flag,
      hint: `for a directory here write ./${first}`,
    });
  }
  const source = absolute(first.replace(/^~(?=\/|$)/, view.environment.HOME ?? "/"), view.cwd);
  const found = view.follow(source);
  if (found === null) throw new BrunError(`${source} does not exist`, { where: flag });
  const words = (third ?? "").split(",").filter(Boolean);
  const destination = inside(second, flag);
  if (words.includes("O")) return overlayVolume(source, destination, words, view, found.type === "dir", flag);
  // SELinux labels that podman would change: z and Z have no effect where there is no SELinux.
  const wanted = words.filter((word) => word !== "z" && word !== "Z");
  const unknown = wanted.find((word) => !VOLUME_OPTIONS.has(word));
  if (unknown !== undefined) {
    throw new BrunError(`brun has no option "${unknown}" for a volume`, {
      where: flag,
      hint: `those are O, z, Z, ${[...VOLUME_OPTIONS].join(", ")}`,
    });
  }
  const recursive = wanted.includes("bind") ? [] : ["rbind"];
  const readOnly = wanted.includes("ro") && recursive.length > 0 ? ["rro"] : [];
  return {
    destination,
    type: "bind",
    source,
    options: [...recursive, "nosuid", "nodev", "rprivate", ...wanted, ...readOnly],
  };
}

/** podman's O: what is written goes to a tmpfs. */
function overlayVolume(
  source: string,
  destination: string,
  words: readonly string[],
  view: HostView,
  isDirectory: boolean,
  flag: string,
): Mount {
  if (words.length > 1) throw new BrunError("O stands alone among a volume's options", { where: flag });
  if (!isDirectory) throw new BrunError("an overlay needs a directory", { where: flag });
  const attributes = view.nested ? ["userxattr"] : [];
  const options = [`lowerdir=${source}`, "tmpupper", ...attributes];
  return { destination, type: "overlay", source: "overlay", options };
}

/**
 * --rw PATH: what stays writable of the host, at its place. Throws a BrunError, also for a path that a symbolic link is
 * on the way of where the caller could have made it: so could a program that had the directory by --rw before, for
 * the next run to write where it wants.
 */
export function writablePaths(options: SandboxOptions, view: HostView): Placed[] {
  const places = new Places(view);
  return options.rw.map((text) => {
    const flag = `--rw ${text}`;
    const path = absolute(text, view.cwd);
    const { passed, end } = places.way(path);
    const link = passed.find((place) => view.link(place) !== null && mayBePlanted(place, view));
    if (link !== undefined) {
      const leads = link === path ? `${link} is` : `${path} leads over ${link},`;
      throw new BrunError(`${leads} a symbolic link, which a program that could write there may have made`, {
        where: flag,
        hint: view.follow(end) === null ? "it leads nowhere" : `--rw ${end}, if that is what you mean`,
      });
    }
    if (end === "/") throw new BrunError("the whole host writable is no sandbox", { where: flag });
    if (view.follow(end) === null) throw new BrunError(`${path} does not exist`, { where: flag });
    return {
      flag,
      mount: { destination: end, type: "bind", source: end, options: ["rbind", "src-nofollow", "rprivate"] },
    };
  });
}

/** No program gets the root directory by --rw. */
function mayBePlanted(link: string, view: HostView): boolean {
  const directory = link.slice(0, link.lastIndexOf("/"));
  return directory !== "" && view.mayWrite(directory);
}
