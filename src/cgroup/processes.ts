/** Processes in a cgroup. */
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { readText } from "../sys/fs.ts";
import { childrenOf } from "./access.ts";
import type { CgroupPlan } from "./types.ts";

/** The directory whose processes are the container's. */
export function processDirectory(plan: CgroupPlan): string {
  const { paths } = plan;
  return paths[""] ?? paths.devices ?? paths.freezer ?? Object.values(paths)[0]!;
}

/** Pids in a cgroup and those below it, ascending; none when it does not exist. Throws a SysError. */
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
    // A threaded cgroup has no list of processes: threads are signalled like processes.
    if (error.errno !== E.EOPNOTSUPP) throw error;
    text = readText(`${directory}/cgroup.threads`);
  }
  // 0 is a process that our pid namespace does not see.
  for (const line of text.split("\n")) if (line !== "" && line !== "0") pids.add(Number(line));
  for (const child of childrenOf(directory)) collect(child, pids);
}
