/** Facts about a container that `exec` needs. They are in exec.json, so that `state` and `list` need not read them. */
import type { Linux, Process, Seccomp } from "../../spec/index.ts";

/** See file. */
export interface ExecInfo {
  /** CLONE_NEW* flags of the namespaces that differ from the creator's. */
  readonly namespaces: number;
  /** setgroups(2) works in the container's user namespace. */
  readonly setgroups: boolean;
  /** It does not, and root made the container: root's groups go before the namespace is joined. */
  readonly dropGroups?: true | undefined;
  /** It has a user namespace of its own. */
  readonly userNamespace: boolean;
  /** The container was made by real root. */
  readonly privileged: boolean;
  /** --no-new-keyring: its processes have the session keyring of the command that starts them. */
  readonly oldKeyring?: true | undefined;
  /** The container's process: defaults of exec (env, cwd, user, capabilities, limits). */
  readonly process: Process;
  /** The parts of the `linux` section that apply to every process. */
  readonly placement?: Pick<Linux, "memoryPolicy" | "personality"> | undefined;
  /** The filter in the file beside this one: SECCOMP_FILTER_FLAG_*, and where its listener is. */
  readonly seccomp?: { readonly flags: number; readonly listener?: SeccompListener | undefined } | undefined;
}

/** The agent that seccomp notifications go to (config-linux.md#seccomp). */
export type SeccompListener = Pick<Seccomp, "listenerPath" | "listenerMetadata">;
