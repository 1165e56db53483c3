/** The lowest oom_score_adj that this process may set. */
import { tryWriteExisting } from "../sys/fs.ts";
import { readTextIfThere } from "./ask.ts";
import { asking, uncacheable } from "./recorder.ts";

const OOM_SCORE_ADJ = "/proc/self/oom_score_adj";

/**
 * This process's oom_score_adj, or the lower value that is wanted if the kernel allows it. The kernel does not
 * tell how low a process without CAP_SYS_RESOURCE may go (proc_pid_oom_score_adj(5)), so it is tried.
 */
export function lowestOomScoreAdj(wanted: number): number {
  const own = Number(readTextIfThere(OOM_SCORE_ADJ) ?? "0");
  if (wanted >= own) return own;
  uncacheable(`how far below ${own} oom_score_adj may go cannot be asked`);
  return asking(() => {
    if (tryWriteExisting(OOM_SCORE_ADJ, `${wanted}`) !== 0) return own;
    tryWriteExisting(OOM_SCORE_ADJ, `${own}`);
    return wanted;
  });
}
