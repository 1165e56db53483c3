/** What `exec` has to know of a container, taken from its config when it is made. */
import type { ContainerConfig } from "../../config/types.ts";
import { CLONE } from "../../sys/constants.ts";
import type { ExecInfo, SeccompListener } from "../state/exec-info.ts";

/** The facts that `exec` needs later. */
export function execInfoOf(config: ContainerConfig): ExecInfo {
  const joined = joinedFlags(config);
  return {
    namespaces: config.cloneFlags | joined,
    setgroups: config.setgroups,
    dropGroups: config.dropGroups,
    userNamespace: config.maps !== null || (joined & CLONE.NEWUSER) !== 0,
    privileged: config.privileged,
    oldKeyring: !config.newKeyring || undefined,
    process: config.spec.process!,
    placement: placementOf(config),
    seccomp:
      config.seccomp === null ? undefined : { flags: config.seccomp.flags, listener: listenerOf(config) },
  };
}

/** CLONE_NEW* flags of the namespaces that are joined by path. */
function joinedFlags(config: ContainerConfig): number {
  let flags = 0;
  for (const join of config.joins) flags |= join.flag;
  return flags;
}

/** Where the agent of a seccomp filter listens, and what it is told. */
export function listenerOf(config: ContainerConfig): SeccompListener {
  const { listenerPath, listenerMetadata } = config.spec.linux?.seccomp ?? {};
  return { ...(listenerPath && { listenerPath }), ...(listenerMetadata && { listenerMetadata }) };
}

/** The parts of the `linux` section that `exec` applies too; undefined for most containers. */
function placementOf(config: ContainerConfig): ExecInfo["placement"] {
  const { memoryPolicy, personality } = config.spec.linux ?? {};
  return memoryPolicy === undefined && personality === undefined ? undefined : { memoryPolicy, personality };
}
