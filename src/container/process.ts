/** Processes by pid and start time, so that a recycled pid is never taken for the container's. */
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, readTextIfThere } from "../sys/fs.ts";

/** What /proc/PID/stat says. */
export interface ProcessStat {
  /** "R", "S", … "Z": dead but not reaped. */
  readonly state: string;
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

/** Reads /proc/PID/stat; null when there is no such process. */
export function processStat(pid: number): ProcessStat | null {
  let line: string | null;
  try {
    line = readTextIfThere(`/proc/${pid}/stat`);
  } catch {
    return null; // ESRCH: it ended between open and read
  }
  if (line === null) return null;
  // The name in parentheses may hold spaces and parentheses itself.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "?", parent: Number(fields[1] ?? 0), startTime: fields[19] ?? "0" };
}

/** Whether the process lives: same start time, and neither zombie nor dead. */
export function isAlive(pid: number, startTime: string): boolean {
  const stat = processStat(pid);
  return stat !== null && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** A pidfd of the process, or -1 when it is not that process any more. Throws a SysError. */
export function openProcess(pid: number, startTime: string): number {
  const fd = syscall(NR.pidfd_open, pid, 0);
  if (fd === -E.ESRCH || fd === -E.EINVAL) return -1;
  if (fd < 0) throw new SysError(`open process ${pid}`, -fd);
  // Checked after the pidfd is held: from here on it cannot become another process.
  if (isAlive(pid, startTime)) return fd;
  close(fd);
  return -1;
}

/** Sends a signal through a pidfd. Returns 0 or -errno. */
export function signalProcess(pidfd: number, signal: number): number {
  return syscall(NR.pidfd_send_signal, pidfd, signal, 0, 0);
}
