/** A container's use of resources at one moment, from its cgroup or, without one, from its processes. */
import type { Stats } from "../../cgroup/stats.ts";
import type { ProcessSums } from "../../cgroup/unified-stats.ts";
import { readlink, readTextIfThere } from "../../sys/fs.ts";
import { isAlive } from "../state/process.ts";
import { type Processes, processesOf } from "../state/ps.ts";
import type { StoredState } from "../state/store.ts";
import { cgroups } from "./cgroup.ts";

/** Sums since the container was started, in nanoseconds and bytes; what is in use now, in bytes. */
export interface Usage {
  readonly id: string;
  /** When the container was made, in milliseconds since 1970. */
  readonly created: number;
  /** When this was measured: performance.now(). */
  readonly at: number;
  readonly cpu: number;
  /** Without what the kernel would drop first from its page cache, as docker and kubernetes count. */
  readonly memory: number;
  /** The container's own, or what the machine has. */
  readonly memoryLimit: number;
  readonly pids: number;
  readonly read: number;
  readonly written: number;
  /** Null with the host's network. */
  readonly network: { readonly received: number; readonly sent: number } | null;
}

/**
 * Measures; null when the container does not run. Throws a BrunError or SysError.
 * @param all to look at the machine's processes once for several containers
 */
export function usage(stored: StoredState, all?: Processes): Usage | null {
  const { id } = stored;
  if (!isAlive(stored.pid, stored.startTime)) return null;
  return {
    id,
    created: Date.parse(stored.created),
    at: performance.now(),
    network: networkUsage(stored.pid),
    ...(stored.cgroup === undefined ? ofProcesses(sumsOfProcesses(stored, all)) : ofCgroup(stored.cgroup)),
  };
}

type Measured = Pick<Usage, "cpu" | "memory" | "memoryLimit" | "pids" | "read" | "written">;

function ofCgroup(plan: NonNullable<StoredState["cgroup"]>): Measured {
  const { cpu, memory, pids, blkio } = cgroups().readStats(plan);
  const inactive = memory.raw?.total_inactive_file ?? memory.raw?.inactive_file ?? 0;
  const machine = machineMemory();
  const limit = Number(memory.usage?.limit ?? 0);
  return {
    cpu: Number(cpu.usage?.total ?? 0),
    memory: Math.max(0, Number(memory.usage?.usage ?? 0) - Number(inactive)),
    memoryLimit: limit > 0 && limit < machine ? limit : machine,
    pids: Number(pids.current ?? 0),
    read: bytesOf(blkio, "Read"),
    written: bytesOf(blkio, "Write"),
  };
}

function bytesOf(blkio: Stats["blkio"], op: string): number {
  const entries = blkio.ioServiceBytesRecursive;
  if (!Array.isArray(entries)) return 0;
  return entries.reduce((sum, entry) => sum + (entry.op === op ? Number(entry.value ?? 0) : 0), 0);
}

/** Clock ticks of USER_HZ in nanoseconds. */
const TICK = 10_000_000;

/** Fields of /proc/PID/stat behind the name (proc_pid_stat(5), from 3 on): utime and cutime, stime and cstime. */
const TIMES = { user: [11, 13], kernel: [12, 14] };

function ofProcesses({ user, kernel, ...sums }: ProcessSums): Measured {
  return { cpu: user + kernel, memoryLimit: machineMemory(), ...sums };
}

/** The resources that a container's processes use. Processes that have ended and were not waited for inside do not count. */
export function sumsOfProcesses(stored: StoredState, all?: Processes): ProcessSums {
  let [user, kernel, memory, read, written] = [0, 0, 0, 0, 0];
  const pids = processesOf(stored, all);
  for (const pid of pids) {
    const stat = procText(pid, "stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const time = (columns: readonly number[]) =>
      columns.reduce((sum, column) => sum + Number(fields[column] ?? 0) * TICK, 0);
    user += time(TIMES.user);
    kernel += time(TIMES.kernel);
    // Shared memory is divided among the processes that share it. Without the permission for that, the resident set is used.
    memory += kilobytes(procText(pid, "smaps_rollup"), "Pss") || kilobytes(procText(pid, "status"), "VmRSS");
    const io = procText(pid, "io");
    read += Number(/^read_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
    written += Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
  }
  return { user, kernel, memory, pids: pids.length, read, written };
}

function kilobytes(text: string, name: string): number {
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
}

let known: number | undefined;

/** The machine's memory in bytes. Memory that is plugged in later is not seen. */
function machineMemory(): number {
  known ??= kilobytes(readTextIfThere("/proc/meminfo") ?? "", "MemTotal");
  return known;
}

/** A file of a process; "" when it has gone or is not ours to read. */
function procText(pid: number, name: string): string {
  try {
    return readTextIfThere(`/proc/${pid}/${name}`) ?? "";
  } catch {
    return "";
  }
}

function networkUsage(pid: number): Usage["network"] {
  try {
    if (readlink(`/proc/${pid}/ns/net`) === readlink("/proc/self/ns/net")) return null;
  } catch {
    return null;
  }
  let [received, sent] = [0, 0];
  for (const line of procText(pid, "net/dev").split("\n").slice(2)) {
    const [name, counts] = line.trim().split(/:\s*/);
    if (counts === undefined || name === "lo") continue;
    const fields = counts.split(/\s+/);
    received += Number(fields[0]);
    sent += Number(fields[8]);
  }
  return { received, sent };
}
