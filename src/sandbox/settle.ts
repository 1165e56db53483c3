/** Resolves the directories of flags. brun decides by the resolved paths, and opens only these. */
import { hostPath } from "./host-path.ts";
import type { SandboxOptions, SandboxRoot } from "./options.ts";
import { Places, settle } from "./places.ts";
import type { HostView } from "./view.ts";

/**
 * The options with --rootfs and --upper as absolute paths without symbolic links. A missing path is not
 * changed. Throws a BrunError for a path into another mount namespace, or to a removed file.
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
  // JSON cannot contain this name. So only a link to the directory can be used.
  return path.isWellFormed() ? { ...root, path, real: true } : root;
}
