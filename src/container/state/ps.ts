/** Processes of a container. */
import { readdir, tryReadlink } from "../../sys/fs.ts";
import { cgroups } from "../resources/cgroup.ts";
import type { Runtime } from "../types.ts";
import { pidsIn } from "./own-namespace.ts";
import { isAlive, processStat } from "./process.ts";
import { requireState, type StoredState } from "./store.ts";

/** The processes of the machine, which are looked at once for any number of containers. */
export class Processes {
  private namespaces: Map<string, number[]> | undefined;
  private children: Map<number, number[]> | undefined;

  /** Those in a pid namespace: the target of /proc/PID/ns/pid. */
  inNamespace(namespace: string): readonly number[] {
    this.namespaces ??= this.grouped(namespaceOf);
    return this.namespaces.get(namespace) ?? [];
  }

  /** A process and what descends from it. */
  descendants(root: number): number[] {
    this.children ??= this.grouped((pid) => processStat(pid)?.parent ?? null);
    const found: number[] = [root];
    for (let i = 0; i < found.length; i++) found.push(...(this.children.get(found[i]!) ?? []));
    return found;
  }

  private grouped<T>(keyOf: (pid: number) => T | null): Map<T, number[]> {
    const groups = new Map<T, number[]>();
    const pids = readdir("/proc").filter((name) => /^\d+$/.test(name));
    for (const pid of pids.map(Number).sort((a, z) => a - z)) {
      const key = keyOf(pid);
      if (key === null) continue;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [pid]);
      else group.push(pid);
    }
    return groups;
  }
}

/**
 * Pids, in the caller's pid namespace, of the container's processes, its first one first: those in its cgroup,
 * or without one those in its pid namespace, or that its own namespace tells. None of a stopped container, as with runc. Throws a BrunError.
 */
export function processes(rt: Runtime, id: string): number[] {
  return processesOf(requireState(rt.root, id));
}

/**
 * {@link processes} by the stored state.
 * @param all to look at the machine's processes once for several containers
 */
export function processesOf(stored: StoredState, all?: Processes): number[] {
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
  const machine = all ?? new Processes();
  if (sharesPids(stored.pid)) return machine.descendants(stored.pid);
  const namespace = namespaceOf(stored.pid) ?? "";
  return [stored.pid, ...machine.inNamespace(namespace).filter((pid) => pid !== stored.pid)];
}

function namespaceOf(pid: number | "self"): string | null {
  return tryReadlink(`/proc/${pid}/ns/pid`);
}

/** Whether a process is in this one's pid namespace, or has gone. */
export function sharesPids(pid: number): boolean {
  const namespace = namespaceOf(pid);
  return namespace === null || namespace === namespaceOf("self");
}

/** Without a pid namespace of its own: the process and what descends from it. */
export function descendants(root: number): number[] {
  return new Processes().descendants(root);
}
