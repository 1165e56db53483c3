/** Where the host has procfs and sysfs, for --no-pivot. */

import { readText } from "../../host/ask.ts";
import { below } from "../../sys/fs.ts";
import { mountPath } from "../../sys/mountinfo.ts";

/** Mount points of procfs and sysfs outside `rootfs`, from a mountinfo text (proc_pid_mountinfo(5)). */
export function kernelMountsIn(mountinfo: string, rootfs: string): string[] {
  const found: string[] = [];
  for (const line of mountinfo.split("\n")) {
    const match = /^(?:\S+ ){4}(\S+) .* - (?:proc|sysfs) /.exec(line);
    if (match === null) continue;
    const path = mountPath(match[1]!);
    if (below(rootfs, path) === null) found.push(path);
  }
  return found;
}

/** The mount points in this process's mount namespace. Throws a SysError. */
export function kernelMounts(rootfs: string): string[] {
  return kernelMountsIn(readText("/proc/self/mountinfo"), rootfs);
}
