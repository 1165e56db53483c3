/** Namespaces of the spec: which are made, which are joined. */

import type { Spec } from "../spec/index.ts";
import { CLONE } from "../sys/constants.ts";
import { each } from "../sys/lists.ts";
import type { ContainerConfig, Join } from "./types.ts";

/** CLONE_NEW* flag of each namespace type of the spec (config-linux.md#namespaces). */
export const namespaceFlags: Readonly<Record<string, number>> = {
  mount: CLONE.NEWNS,
  cgroup: CLONE.NEWCGROUP,
  uts: CLONE.NEWUTS,
  ipc: CLONE.NEWIPC,
  user: CLONE.NEWUSER,
  pid: CLONE.NEWPID,
  network: CLONE.NEWNET,
  time: CLONE.NEWTIME,
};

/** File below /proc/PID/ns of each namespace type. */
export const namespaceFiles: Readonly<Record<string, string>> = {
  mount: "mnt",
  cgroup: "cgroup",
  uts: "uts",
  ipc: "ipc",
  user: "user",
  pid: "pid",
  network: "net",
  time: "time",
};

/** The namespaces to make, and those to join. */
export interface NamespacePlan {
  readonly cloneFlags: number;
  readonly joins: readonly Join[];
}

/** Splits the spec's namespaces. */
export function planNamespaces(spec: Spec): NamespacePlan {
  let cloneFlags = 0;
  const joins: Join[] = [];
  each(spec.linux?.namespaces ?? [], (namespace, i) => {
    const flag = namespaceFlags[namespace.type] ?? 0;
    if (namespace.path) joins.push({ flag, path: namespace.path, where: `linux.namespaces[${i}].path` });
    else cloneFlags |= flag;
  });
  return { cloneFlags, joins };
}

/**
 * The type of the namespace that identifies the container's processes where neither a pid namespace nor a cgroup
 * does: the user namespace, which they cannot leave, or without one the mount namespace. Null if it is not needed,
 * or if there is neither.
 */
export function tellingNamespace({ cloneFlags, cgroup }: ContainerConfig): "user" | "mnt" | null {
  if ((cloneFlags & CLONE.NEWPID) !== 0 || cgroup !== null) return null;
  if ((cloneFlags & CLONE.NEWUSER) !== 0) return "user";
  return (cloneFlags & CLONE.NEWNS) !== 0 ? "mnt" : null;
}
