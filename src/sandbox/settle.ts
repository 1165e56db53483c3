/** Directories of flags as what they lead to: brun decides by that, and opens nothing else. */
import { hostPath } from "./host-path.ts";
import type { SandboxOptions, SandboxRoot } from "./options.ts";
import { Places, settle } from "./places.ts";
import type { HostView } from "./view.ts";

/**
 * The options with --rootfs and --upper as absolute paths without symbolic links. One that is missing stays as it is.
 * Throws a BrunError for a path that leads to no place of this mount namespace.
 */
export function settledOptions(options: SandboxOptions, view: HostView): SandboxOptions {
  const { root, upper, seccompRecord } = options;
  return {
    ...options,
    root: settledRoot(root, view),
    upper: upper === undefined ? undefined : new Places(view).way(hostPath(upper, view)).end,
    seccompRecord: seccompRecord === undefined ? undefined : hostPath(seccompRecord, view),
  };
}

function settledRoot(root: SandboxRoot, view: HostView): SandboxRoot {
  if (root.kind === "host" || view.follow(root.path) === null) return root;
  const { path } = settle(root.path, root.image === undefined ? "--rootfs" : "--image", view);
  // A link to such a directory is the only way to give it: JSON cannot hold its name.
  return path.isWellFormed() ? { ...root, path, real: true } : root;
}
