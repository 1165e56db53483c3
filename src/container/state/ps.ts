/** Processes of a container. */
import { readdir, readlink } from "../../sys/fs.ts";
import { cgroups } from "../resources/cgroup.ts";
import type { Runtime } from "../types.ts";
import { pidsIn } from "./own-namespace.ts";
import { isAlive, processStat } from "./process.ts";
import { requireState } from "./store.ts";

/**
 * Pids, in the caller's pid namespace, of the container's processes, its first one first: those in its cgroup,
 * or without one those in its pid namespace, or that its own namespace tells. None of a stopped container, as with runc. Throws a BrunError.
 */
export function processes(rt: Runtime, id: string): number[] {
  const stored = requireState(rt.root, id);
  const alive = isAlive(stored.pid, stored.startTime);
  if (stored.cgroup !== undefined) {
    const { pidsIn, processDirectory } = cgroups();
    const pids = pidsIn(processDirectory(stored.cgroup)).filter((pid) => pid !== stored.pid);
    return alive ? [stored.pid, ...pids] : pids;
  }
  if (!alive) return [];
  if (stored.namespace !== undefined) {
    const pids = pidsIn(stored.namespace).filter((pid) => pid !== stored.pid);
    return [stored.pid, ...pids];
  }
  if (sharesPids(stored.pid)) return descendants(stored.pid);
  const namespace = namespaceOf(stored.pid);
  const pids = numericEntries().filter((pid) => pid !== stored.pid && namespaceOf(pid) === namespace);
  return [stored.pid, ...pids];
}

function numericEntries(): number[] {
  return readdir("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, z) => a - z);
}

function namespaceOf(pid: number | "self"): string | null {
  try {
    return readlink(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

/** Whether a process is in this one's pid namespace, or has gone. */
export function sharesPids(pid: number): boolean {
  const namespace = namespaceOf(pid);
  return namespace === null || namespace === namespaceOf("self");
}

/** Without a pid namespace of its own: the process and what descends from it. */
export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of numericEntries()) {
    const parent = processStat(pid)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [root];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i]!) ?? []));
  return found;
}
