/** -v, --tmpfs, --mount and --rw. */
import { BrunError } from "../errors.ts";
import type { Mount } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { cdiMounts } from "./cdi.ts";
import { devices } from "./devices.ts";
import { hostPath, PATH_START } from "./host-path.ts";
import type { Placed } from "./mounts.ts";
import type { SandboxOptions, SandboxRoot } from "./options.ts";
import { Places, settle } from "./places.ts";
import type { HostView } from "./view.ts";

/** podman's mount options for a volume. */
const VOLUME_OPTIONS = new Set(
  "ro rw exec noexec suid nosuid dev nodev bind rbind private rprivate slave rslave shared rshared idmap".split(
    " ",
  ),
);

/** The mounts for --tmpfs, -v, --mount and --device. Throws a BrunError. */
export function volumes(options: SandboxOptions, view: HostView): Placed[] {
  return [
    ...options.tmpfs.map((text) => ({
      flag: `--tmpfs ${text}`,
      origin: "tmpfs" as const,
      mount: tmpfs(text, options.root, view),
    })),
    ...options.volume.map((text) => ({
      flag: `-v ${text}`,
      origin: "volume" as const,
      mount: volume(text, options.root, view),
    })),
    ...options.mount.map((text) => ({
      flag: `--mount ${text}`,
      origin: "volume" as const,
      mount: longMount(text, options.root, view),
    })),
    ...devices(options, view),
    ...cdiMounts(options, view),
  ];
}

/** Checks a path in the container. With --host it may be relative, or begin with "~". */
function inside(destination: string, host: boolean, flag: string, view: HostView): string {
  if (destination === "")
    throw new BrunError("the path in the container is missing", {
      where: flag,
      hint: "SOURCE:PATH, such as .:/src",
    });
  if (!(host ? PATH_START : /^\//).test(destination)) {
    throw new BrunError(`${destination} is not absolute`, {
      where: flag,
      hint: host ? `./${destination} is in the current directory` : "a path in the container begins with /",
    });
  }
  const clean = host ? hostPath(destination, view) : absolute(destination);
  if (clean === "/")
    throw new BrunError("the root cannot be replaced", { where: flag, hint: "that is --rootfs" });
  return clean;
}

/** Parses --tmpfs PATH[:OPTIONS]. */
function tmpfs(text: string, root: SandboxRoot, view: HostView): Mount {
  const [path = "", given = ""] = withoutEscapes(text);
  const destination = inside(path, root.kind === "host", `--tmpfs ${text}`, view);
  return tmpfsMount(destination, given.split(",").filter(Boolean), root, view);
}

/**
 * Makes a tmpfs. As in podman, it begins with a copy of the directory below; but with --host it is empty,
 * since it is used to hide files there. Over a file, where podman fails, it is an empty file.
 */
function tmpfsMount(destination: string, words: readonly string[], root: SandboxRoot, view: HostView): Mount {
  const wanted = words.filter((word) => word !== "tmpcopyup" && word !== "notmpcopyup");
  const options = ["nosuid", "nodev", "noexec", ...wanted];
  const copies = words.includes("tmpcopyup") || (root.kind !== "host" && !words.includes("notmpcopyup"));
  if (isFile(destination, root, view)) {
    const mode = root.kind === "host" ? view.follow(destination)?.mode : undefined;
    const hasMode = mode === undefined || wanted.some((word) => word.startsWith("mode="));
    options.push(...(hasMode ? [] : [`mode=${mode.toString(8)}`]), "tmpfile");
  } else if (copies) options.push("tmpcopyup");
  return { destination, type: "tmpfs", source: "tmpfs", options };
}

/** Whether the path exists and is not a directory. */
function isFile(path: string, root: SandboxRoot, view: HostView): boolean {
  if (root.kind !== "host") return view.isInRoot(root.path, path) && !view.isInRoot(root.path, `${path}/.`);
  const there = view.follow(path);
  return there !== null && there.type !== "dir";
}

/** Splits at colons. As in podman, "\:" is a colon in a path. */
function withoutEscapes(text: string): string[] {
  return (text.match(/(\\:|[^:])+|^(?=:)|(?<=:)(?=:|$)/g) ?? [""]).map((part) => part.replaceAll("\\:", ":"));
}

/** Parses -v [SOURCE:]PATH[:OPTIONS]. */
function volume(text: string, root: SandboxRoot, view: HostView): Mount {
  const host = root.kind === "host";
  const flag = `-v ${text}`;
  const [first = "", second, third, more] = withoutEscapes(text);
  if (more !== undefined)
    throw new BrunError(`${flag} has too many colons`, {
      where: flag,
      hint: "SOURCE:PATH[:OPTIONS]; write a colon in a path as \\:",
    });
  if (second === undefined) {
    const destination = inside(first, host, flag, view);
    if (isFile(destination, root, view)) {
      throw new BrunError(`${destination} is not a directory`, {
        code: "ERR_USAGE",
        where: flag,
        hint: `-v ${first}:${first} shows the one of this machine, --tmpfs ${first} an empty one`,
      });
    }
    return { destination, type: "tmpfs", source: "volume", options: ["nosuid", "nodev", "tmpcopyup"] };
  }
  if (!PATH_START.test(first)) {
    throw new BrunError(`"${first}" would be a named volume, which brun does not keep`, {
      where: flag,
      hint: `for a file or directory here write ./${first}`,
    });
  }
  return bind(first, inside(second, host, flag, view), (third ?? "").split(",").filter(Boolean), flag, view);
}

/** @param destination the result of {@link inside} */
function bind(
  from: string,
  destination: string,
  words: readonly string[],
  flag: string,
  view: HostView,
): Mount {
  const { path: source, entry } = settle(hostPath(from, view), flag, view);
  if (words.includes("O")) return overlayVolume(source, destination, words, view, entry.type === "dir", flag);
  // z and Z make podman change SELinux labels. Without SELinux they have no effect.
  const wanted = words.filter((word) => word !== "z" && word !== "Z");
  const unknown = wanted.find((word) => !VOLUME_OPTIONS.has(word));
  if (unknown !== undefined) {
    throw new BrunError(`brun has no option "${unknown}" for a volume`, {
      where: flag,
      hint: `those are O, z, Z, ${[...VOLUME_OPTIONS].join(", ")}`,
    });
  }
  if (wanted.includes("ro") && wanted.includes("rw"))
    throw new BrunError("ro and rw exclude each other", { code: "ERR_USAGE", where: flag });
  const recursive = wanted.includes("bind") ? [] : ["rbind"];
  const readOnly = wanted.includes("ro") && recursive.length > 0 ? ["rro"] : [];
  return {
    destination,
    type: "bind",
    source,
    options: [...recursive, "src-nosymlinks", "nosuid", "nodev", "rprivate", ...wanted, ...readOnly],
  };
}

/** Parses --mount type=bind|tmpfs,src=PATH,dst=PATH,ro (podman-run(1)). */
function longMount(text: string, root: SandboxRoot, view: HostView): Mount {
  const flag = `--mount ${text}`;
  const host = root.kind === "host";
  const { type, from, to, words } = longOptions(text, flag);
  if (to === undefined) throw new BrunError(`${flag} needs dst=PATH`, { where: flag });
  if (type === "tmpfs") {
    if (from !== undefined) throw new BrunError("a tmpfs has no source", { where: flag });
    return tmpfsMount(inside(to, host, flag, view), words, root, view);
  }
  if (type !== "bind") {
    throw new BrunError(`brun has no mounts of type "${type}"`, { where: flag, hint: "bind or tmpfs" });
  }
  if (from === undefined) throw new BrunError(`${flag} needs src=PATH`, { where: flag });
  return bind(from, inside(to, host, flag, view), words, flag, view);
}

/** Parts of --mount with a value, and the prefix of the mount option. */
const LONG: Readonly<Record<string, string>> = {
  "bind-propagation": "",
  "tmpfs-size": "size=",
  "tmpfs-mode": "mode=",
  size: "size=",
  mode: "mode=",
};

/** Splits at commas. As in a CSV file, a part with a comma is in quotes: 'type=bind,"src=/a,b",dst=/x'. */
function commaSeparated(text: string): string[] {
  const parts = text.match(/(?<=^|,)("([^"]|"")*"|[^,]*)/g) ?? [];
  return parts.map((part) => (/^".*"$/s.test(part) ? part.slice(1, -1).replaceAll('""', '"') : part));
}

interface LongOptions {
  readonly type: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly words: readonly string[];
}

function longOptions(text: string, flag: string): LongOptions {
  let [type, from, to]: [string, string | undefined, string | undefined] = ["bind", undefined, undefined];
  const words: string[] = [];
  for (const part of commaSeparated(text)) {
    const [name = "", ...rest] = part.split("=");
    const value = rest.length === 0 ? undefined : rest.join("=");
    if (name === "type") type = value ?? "";
    else if (name === "src" || name === "source") from = value;
    else if (name === "dst" || name === "destination" || name === "target") to = value;
    else if (name === "ro" || name === "readonly" || name === "rw") {
      const on = value === undefined || /^(true|1)$/.test(value);
      words.push(on === (name === "rw") ? "rw" : "ro");
    } else if (value !== undefined && Object.hasOwn(LONG, name)) words.push(`${LONG[name]}${value}`);
    else if (value === undefined && (VOLUME_OPTIONS.has(name) || /^(no)?tmpcopyup$/.test(name)))
      words.push(name);
    else {
      throw new BrunError(`brun has no "${part}" for a mount`, {
        where: flag,
        hint: "type=bind|tmpfs, src=, dst=, ro, bind-propagation=, tmpfs-size=, tmpfs-mode=",
      });
    }
  }
  return { type, from, to, words };
}

/** podman's option O: writes go to a tmpfs. */
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
  const options = [`lowerdir=${source}`, "src-nosymlinks", "tmpupper", ...attributes];
  return { destination, type: "overlay", source: "overlay", options };
}

/**
 * --rw PATH: paths of the host that stay writable, at their place. Throws a BrunError, for example if a
 * symbolic link is on the way that the caller could have made. An earlier program with --rw on that directory
 * could have made it, too, to choose where the next run may write.
 */
export function writablePaths(options: SandboxOptions, view: HostView): Placed[] {
  const places = new Places(view);
  return options.rw.map((text) => {
    const flag = `--rw ${text}`;
    const path = hostPath(text, view);
    const { passed, end } = places.way(path);
    const link = passed.find((place) => view.link(place) !== null && mayBePlanted(place, view));
    if (link !== undefined) {
      const leads = link === path ? `${link} is` : `${path} leads over ${link},`;
      throw new BrunError(`${leads} a symbolic link, which a program that could write there may have made`, {
        where: flag,
        hint: view.follow(end) === null ? "it leads nowhere" : `--rw ${end}, if that is what you mean`,
      });
    }
    if (end === "/")
      throw new BrunError("the whole host writable is no sandbox", {
        code: "ERR_USAGE",
        where: flag,
        hint: "name the directories that are to be written to",
      });
    if (view.follow(end) === null) throw new BrunError(`${path} does not exist`, { where: flag });
    return {
      flag,
      origin: "writable",
      mount: {
        destination: end,
        type: "bind",
        source: end,
        options: ["rbind", "src-nosymlinks", "dest-nosymlinks", "rprivate"],
      },
    };
  });
}

/** The root directory cannot be given by --rw, so links in it are trusted. */
function mayBePlanted(link: string, view: HostView): boolean {
  const directory = link.slice(0, link.lastIndexOf("/"));
  return directory !== "" && view.mayWrite(directory);
}
