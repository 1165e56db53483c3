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

/**
 * Mounts of /proc, /dev and the like as in the config of `brun spec`, and directories that programs expect to
 * be writable.
 */
export function systemMounts(options: SandboxOptions, view: HostView, keepsIds: boolean): Mount[] {
  const { caller, cgroup2 } = view;
  const mounts = [...(specTemplate(false, { ...caller, cgroup2 }).mounts ?? [])];
  if (options.root.kind === "host") mounts.push(...runDirectory(view, keepsIds));
  if (!options.readOnly) return mounts;
  // As with podman's --read-only.
  if (options.root.kind !== "host") mounts.push(tmpfs("/run", "mode=755"));
  for (const path of ["/tmp", "/var/tmp"]) {
    // The program's working directory must be visible.
    if (options.root.kind === "host" && view.here.isIn(path)) continue;
    mounts.push(tmpfs(path, "mode=1777"));
  }
  return mounts;
}

/** Replaces /run, since its sockets lead to services of the host. {@link KEPT_OF_RUN} stays. */
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
 * The caller's directory of sockets, which the sandbox replaces. It may be outside of /run, for example in
 * sessions of su. Undefined if it contains the home or the current directory.
 */
export function runtimeDirectory(view: HostView): string | undefined {
  const { XDG_RUNTIME_DIR: given } = view.environment;
  const { uid } = view.caller;
  if (given === `/run/user/${uid}`) return given;
  const found = given?.startsWith("/") ? view.follow(given) : null;
  if (found?.type !== "dir" || found.uid !== uid || (found.mode & OTHERS) !== 0) return undefined;
  const places = new Places(view);
  const { end } = places.way(given!);
  const inUse = homes(view).some((path) => within(end, places.way(path).end)) || view.here.isIn(end);
  return inUse || within("/run", end) ? undefined : end;
}

const OTHERS = 0o077;

/** Targets of /etc/resolv.conf, and NixOS's system. */
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
