/** What `exec` has to know of a container; kept in exec.json so that `state` and `list` need not read it. */
import type { Process } from "../spec/index.ts";

/** See file. 64-bit integers beyond 2^53 are strings "#<digits>". */
export interface ExecInfo {
  /** CLONE_NEW* flags of the namespaces that differ from the creator's. */
  readonly namespaces: number;
  /** setgroups(2) works in the container's user namespace. */
  readonly setgroups: boolean;
  /** It has a user namespace of its own. */
  readonly userNamespace: boolean;
  /** The container was made by real root. */
  readonly privileged: boolean;
  /** The container's process: defaults of exec (env, cwd, user, capabilities, limits). */
  readonly process: Process;
  /** linux.seccomp, compiled through the cache. */
  readonly seccomp?: unknown;
}
