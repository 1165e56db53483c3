/** process.execCPUAffinity.initial: the CPUs of an `exec` until its process is in the container's cgroup. */
import { BrunError } from "../../errors.ts";
import { cpuMask } from "../../init/placement.ts";
import { errnoText } from "../../sys/errno.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { readText } from "../../sys/fs.ts";
import type { Runtime } from "../types.ts";

/**
 * Lets the stage run on these CPUs alone. It is in brun's own cgroup still: the container's may have other ones.
 * Throws a BrunError when the kernel refuses.
 * @param list as in config.json
 */
export function runInitiallyOn(rt: Runtime, list: string, stage: number): void {
  const where = "process.execCPUAffinity.initial";
  const mask = cpuMask(list);
  const result = syscall(NR.sched_setaffinity, stage, mask.byteLength, mask);
  if (result < 0) {
    throw new BrunError(`cannot run on the CPUs ${list}: ${errnoText(-result)}`, {
      where,
      hint: "none of them is online and in the cpuset of the cgroup that brun is started in",
    });
  }
  rt.debug?.(`${where}: affinity 0x${allowedCpus(stage)}`);
}

/** The hexadecimal mask of a process's CPUs, without zeros before it (proc_pid_status(5)). */
function allowedCpus(pid: number): string {
  const mask = /^Cpus_allowed:\t(.*)$/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? "";
  return mask.replaceAll(",", "").replace(/^0+(?=.)/, "");
}
