/** -w: where the program starts. */
import { BrunError } from "../errors.ts";
import { absolute } from "../sys/fs.ts";
import type { Placed } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { beyond, join, within } from "./places.ts";
import type { HostView } from "./view.ts";

/**
 * The directory, for which brun looks where a mount or the root has it: the runtime would make one that is missing.
 * Throws a BrunError.
 */
export function workingDirectory(options: SandboxOptions, view: HostView, placed: readonly Placed[]): string {
  const host = options.root.kind === "host";
  if (options.workdir === undefined) return host ? view.cwd : (options.imageWorkdir ?? "/");
  const path = absolute(options.workdir, host ? view.cwd : "/");
  if (isThere(path, options, view, placed)) return path;
  throw new BrunError(`${path} is not there`, {
    code: "ERR_USAGE",
    where: "--workdir",
    hint: `-v DIR:${path} mounts a directory there, --tmpfs ${path} an empty one`,
  });
}

function isThere(path: string, { root }: SandboxOptions, view: HostView, placed: readonly Placed[]): boolean {
  const last = placed.findLast(({ mount, flag }) => /^-/.test(flag) && within(mount.destination, path));
  if (last?.mount.destination === path) return true;
  const { type, source = "", destination = "/", options = [] } = last?.mount ?? {};
  // What is in the others is not known before, or what the root has there.
  if (type === "bind" && !options.includes("copy-symlink"))
    return view.follow(join(source, beyond(destination, path))) !== null;
  if (root.kind === "host") return view.follow(path) !== null;
  return view.isInRoot(root.path, path) || placed.some(({ mount }) => within(mount.destination, path));
}
