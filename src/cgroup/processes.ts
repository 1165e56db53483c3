/** Processes in a cgroup. */
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { readText } from "../sys/fs.ts";
import { childrenOf } from "./access.ts";
import type { CgroupPlan } from "./types.ts";

/** The directory that lists the container's processes. */
export function processDirectory(plan: CgroupPlan): string {
  const { paths } = plan;
  return paths[""] ?? paths.devices ?? paths.freezer ?? Object.values(paths)[0]!;
}

/** The pids in a cgroup and in those below it, ascending; empty if it does not exist. Throws a SysError. */
export function pidsIn(directory: string): number[] {
  const pids = new Set<number>();
  collect(directory, pids);
  return [...pids].sort((a, z) => a - z);
}

function collect(directory: string, pids: Set<number>): void {
  let text: string;
  try {
    text = readText(`${directory}/cgroup.procs`);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.errno === E.ENOENT || error.errno === E.ENODEV) return;
    // A threaded cgroup lists threads, not processes. They can be signalled like processes.
    if (error.errno !== E.EOPNOTSUPP) throw error;
    text = readText(`${directory}/cgroup.threads`);
  }
  // 0 stands for a process that is not in brun's pid namespace.
  for (const line of text.split("\n")) if (line !== "" && line !== "0") pids.add(Number(line));
  for (const child of childrenOf(directory)) collect(child, pids);
}
