/** /proc, /dev, /sys and /run of a sandbox. */
import type { Mount } from "../spec/index.ts";
import { specTemplate } from "../spec/template.ts";
import { readOnlyBind } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
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
  const { caller, environment: env } = view;
  const mounts = [tmpfs("/run", "mode=755")];
  const ids = !keepsIds ? [] : [`uid=${caller.uid}`, `gid=${caller.gid}`];
  if (env.XDG_RUNTIME_DIR === `/run/user/${caller.uid}`) {
    mounts.push(tmpfs(env.XDG_RUNTIME_DIR, "mode=700", ...ids));
  }
  for (const path of KEPT_OF_RUN) {
    if (view.follow(path) === null) continue;
    mounts.push(readOnlyBind(path, path));
  }
  return mounts;
}

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
