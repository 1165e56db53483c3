/** -w: the program's working directory. */
import { BrunError } from "../errors.ts";
import { absolute } from "../sys/fs.ts";
import { hostPath } from "./host-path.ts";
import type { Placed } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { beyond, join, within } from "./places.ts";
import type { HostView } from "./view.ts";

/**
 * Finds the working directory. brun checks that it exists in its mount or in the root, since the runtime
 * would make a missing one. Throws a BrunError.
 */
export function workingDirectory(options: SandboxOptions, view: HostView, placed: readonly Placed[]): string {
  const host = options.root.kind === "host";
  if (options.workdir === undefined)
    return host ? currentDirectory(options, view, placed) : (options.imageWorkdir ?? "/");
  const path = host ? hostPath(options.workdir, view) : absolute(options.workdir, "/");
  if (isThere(path, options, view, placed)) return path;
  throw new BrunError(`${path} is not there`, {
    code: "ERR_USAGE",
    where: "--workdir",
    hint: `-v DIR:${path} mounts a directory there, --tmpfs ${path} an empty one`,
  });
}

/**
 * The caller's directory. Throws a BrunError if a volume hides it and lacks the directory, which would be
 * made on the host.
 */
function currentDirectory(options: SandboxOptions, view: HostView, placed: readonly Placed[]): string {
  const over = lastOn((path) => view.here.isIn(path), placed);
  if (over?.mount.type !== "bind") return view.here.inHole;
  const cwd = view.cwd();
  if (isThere(cwd, options, view, placed)) return cwd;
  throw new BrunError(`${over.flag} hides the current directory, ${cwd}`, {
    code: "ERR_USAGE",
    where: over.flag,
    hint: "-w PATH starts the program elsewhere",
  });
}

/** A notice if a tmpfs hides the current directory; otherwise null. */
export function emptyDirectory(
  options: SandboxOptions,
  { cwd, here }: HostView,
  placed: readonly Placed[],
): string | null {
  if (options.root.kind !== "host" || options.workdir !== undefined) return null;
  const over = lastOn((path) => here.isIn(path), placed);
  if (
    over?.mount.type !== "tmpfs" ||
    // The root itself is a tmpfs. Then the current directory is in a /proc, /dev or /sys of the sandbox.
    over.mount.destination === "/" ||
    over.mount.options?.includes("tmpcopyup") ||
    here.isAt(over.mount.destination)
  )
    return null;
  return `${over.flag} hides the current directory, ${cwd()}: it is empty; --rw . or -v .:. shows it, -w PATH starts elsewhere`;
}

/** The last mount that contains a place, without mounts of the system and of brun. */
function lastOn(isIn: (destination: string) => boolean, placed: readonly Placed[]): Placed | undefined {
  return placed.findLast(
    ({ mount, origin }) => origin !== "system" && origin !== "own" && isIn(mount.destination),
  );
}

function isThere(path: string, { root }: SandboxOptions, view: HostView, placed: readonly Placed[]): boolean {
  const last = lastOn((destination) => within(destination, path), placed);
  if (last?.mount.destination === path) return true;
  const { type, source = "", destination = "/", options = [] } = last?.mount ?? {};
  // The contents of other mounts are not known yet, or are those of the root.
  if (type === "bind" && !options.includes("copy-symlink"))
    return view.follow(join(source, beyond(destination, path))) !== null;
  if (root.kind === "host") return view.follow(path) !== null;
  return (
    view.isInRoot(root.path, path) ||
    placed.some(({ mount: { destination: at } }) => at !== "/" && within(at, path))
  );
}
