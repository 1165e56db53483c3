/** Processes by pid and start time, so that a recycled pid is never taken for the container's. */
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, O, readlink, readTextIfThere, tryOpen } from "../../sys/fs.ts";
import { POLLIN, waitFd } from "../../sys/poll.ts";
import { refusalOf } from "../../sys/refused-calls.ts";

/** Fields of /proc/PID/stat. */
export interface ProcessStat {
  /** "R", "S", … "Z": dead but not reaped. */
  readonly state: string;
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

/** Reads /proc/PID/stat; null when there is no such process. Throws a SysError when that cannot be said. */
export function processStat(pid: number): ProcessStat | null {
  let line: string | null;
  try {
    line = readTextIfThere(`/proc/${pid}/stat`);
  } catch (error) {
    // It ended between open and read. Any other error must not count as its end, or a running container would be deleted.
    if (error instanceof SysError && error.errno === E.ESRCH) return null;
    throw error;
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

/**
 * A pidfd of the process, or -1 when it is not that process any more. Without pidfds (Linux before 5.3, or a
 * seccomp filter around brun) the process's directory of procfs stands for it. Throws a SysError.
 */
export function openProcess(pid: number, startTime: string): number {
  let fd = syscall(NR.pidfd_open, pid, 0);
  // Only a seccomp filter answers EPERM here.
  if (fd === -E.ENOSYS || fd === -E.EPERM) fd = tryOpen(`/proc/${pid}`, O.DIRECTORY);
  if (fd === -E.ESRCH || fd === -E.EINVAL || fd === -E.ENOENT) return -1;
  if (fd < 0) throw new SysError(`open process ${pid}`, -fd);
  // Checked after the pidfd is held: from here on it cannot become another process.
  if (isAlive(pid, startTime)) return fd;
  close(fd);
  return -1;
}

/** Sends a signal through a pidfd. Returns 0 or -errno. */
export function signalProcess(pidfd: number, signal: number): number {
  const result = syscall(NR.pidfd_send_signal, pidfd, signal, 0, 0);
  const refused = result === -E.EPERM && refusalOf("pidfd_send_signal") !== 0;
  if (result !== -E.ENOSYS && !refused) return result;
  // The pid may be recycled at this very moment. Without pidfd_send_signal(2) nothing can prevent that.
  const info = readTextIfThere(`/proc/self/fdinfo/${pidfd}`) ?? "";
  const pid = /^Pid:\t(\d+)$/m.exec(info) ?? /^\/proc\/(\d+)$/.exec(readlink(`/proc/self/fd/${pidfd}`));
  return pid === null ? -E.ESRCH : syscall(NR.kill, Number(pid[1]), signal);
}

const PAUSE_MS = 10;

/** Waits for the process to end; false if it does not end in time. */
export function waitForEnd(pidfd: number, pid: number, startTime: string, timeoutMs: number): boolean {
  const deadline = performance.now() + timeoutMs;
  if (waitFd(pidfd, POLLIN, timeoutMs) === 0) return false;
  // A directory of procfs is readable at any time.
  while (isAlive(pid, startTime)) {
    if (performance.now() > deadline) return false;
    waitFd(pidfd, 0, PAUSE_MS);
  }
  return true;
}
