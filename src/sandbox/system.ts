/** /proc, /dev, /sys and /run of a sandbox. */
import type { Mount } from "../spec/index.ts";
import { specTemplate } from "../spec/template.ts";
import { homes } from "./homes.ts";
import { readOnlyBind } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { Places, within } from "./places.ts";
import type { HostView } from "./view.ts";

function tmpfs(destination: string, ...more: string[]): Mount {
  return { destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", ...more] };
}

/** /proc, /dev and the like as in the config of `brun spec`, and what programs expect to be able to write to. */
export function systemMounts(options: SandboxOptions, view: HostView, keepsIds: boolean): Mount[] {
  const { caller, cgroup2 } = view;
  const mounts = [...(specTemplate(false, { ...caller, cgroup2 }).mounts ?? [])];
  if (options.root.kind === "host") mounts.push(...runDirectory(view, keepsIds));
  if (!options.readOnly) return mounts;
  // As podman's --read-only.
  if (options.root.kind !== "host") mounts.push(tmpfs("/run", "mode=755"));
  for (const path of ["/tmp", "/var/tmp"]) {
    // The directory that the program starts in is to be seen.
    if (options.root.kind === "host" && `${view.cwd}/`.startsWith(`${path}/`)) continue;
    mounts.push(tmpfs(path, "mode=1777"));
  }
  return mounts;
}

/** /run is the sandbox's own: sockets in it lead to services of the host. What names and systems need is kept. */
function runDirectory(view: HostView, keepsIds: boolean): Mount[] {
  const { caller } = view;
  const mounts = [tmpfs("/run", "mode=755")];
  const ids = !keepsIds ? [] : [`uid=${caller.uid}`, `gid=${caller.gid}`];
  const own = runtimeDirectory(view);
  if (own !== undefined) mounts.push(tmpfs(own, "mode=700", ...ids));
  for (const path of KEPT_OF_RUN) {
    if (view.follow(path) === null) continue;
    mounts.push(readOnlyBind(path, path));
  }
  return mounts;
}

/**
 * The caller's directory of sockets, of which the sandbox has one of its own: also where it is not in /run, as in sessions
 * that su has made. Not one that holds the home or the current directory.
 */
export function runtimeDirectory(view: HostView): string | undefined {
  const { XDG_RUNTIME_DIR: given } = view.environment;
  const { uid } = view.caller;
  if (given === `/run/user/${uid}`) return given;
  const found = given?.startsWith("/") ? view.follow(given) : null;
  if (found?.type !== "dir" || found.uid !== uid || (found.mode & OTHERS) !== 0) return undefined;
  const places = new Places(view);
  const { end } = places.way(given!);
  const inUse = [view.cwd, ...homes(view)].some((path) => within(end, places.way(path).end));
  return inUse || within("/run", end) ? undefined : end;
}

const OTHERS = 0o077;

/** Where /etc/resolv.conf leads to, and NixOS's system. */
const KEPT_OF_RUN = [
  "/run/systemd/resolve/stub-resolv.conf",
  "/run/systemd/resolve/resolv.conf",
  "/run/NetworkManager/resolv.conf",
  "/run/NetworkManager/no-stub-resolv.conf",
  "/run/resolvconf/resolv.conf",
  "/run/connman/resolv.conf",
  "/run/current-system",
  "/run/wrappers",
  "/run/opengl-driver",
];
