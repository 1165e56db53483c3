/** Finds processes, mounts and cgroups that a test has left behind, and waits for conditions. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/** A process that belongs to a test. */
export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** The text of a file or link in /proc. "" if the process has ended or access is denied. */
function proc(read: (path: string) => string, pid: string, name: string): string {
  try {
    return read(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
}

const text = (path: string): string => readFileSync(path, "utf8");

/**
 * All live processes that refer to a directory in their command line, environment, working directory, root or
 * mounts. Processes of other users are found as far as the kernel shows them.
 */
export function processesOf(dir: string): FoundProcess[] {
  const found: FoundProcess[] = [];
  // Whether a mount namespace has such mounts, by its name. If that of the tests has, every process of the machine has
  // them, and they are no sign.
  const namespaces = new Map([[readlinkSync("/proc/self/ns/mnt"), false]]);
  const isShared = hasMountsOf(text("/proc/self/mountinfo"), dir);
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || pid === "1" || Number(pid) === process.pid) continue;
    const traces = [
      proc(text, pid, "cmdline"),
      proc(text, pid, "environ"),
      proc(readlinkSync, pid, "cwd"),
      proc(readlinkSync, pid, "root"),
    ];
    const namespace = proc(readlinkSync, pid, "ns/mnt");
    let inMounts = isShared ? false : namespaces.get(namespace);
    if (inMounts === undefined) {
      const mounts = proc(text, pid, "mountinfo");
      inMounts = hasMountsOf(mounts, dir);
      // A process that has just ended says nothing about the others in its namespace.
      if (mounts !== "") namespaces.set(namespace, inMounts);
    }
    if (!inMounts && !traces.some((trace) => trace.includes(dir))) continue;
    if (/^State:\s+[ZX]/m.test(proc(text, pid, "status"))) continue;
    const command = traces[0]!.replaceAll("\0", " ").trim() || proc(text, pid, "comm").trim();
    found.push({ pid: Number(pid), command });
  }
  return found;
}

/**
 * Whether a namespace has mounts whose source is in a directory, as a test's container has. Mount points below
 * the directory do not count: copies of the tests' namespace keep mounts that a test had meanwhile.
 */
function hasMountsOf(mountinfo: string, dir: string): boolean {
  return mountinfo
    .split("\n")
    .some((line) => line.includes(dir) && line.split(" ")[4]?.includes(dir) === false);
}

/** The mount points below a directory in this process's namespace. */
export function mountsBelow(dir: string): string[] {
  return text("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((target) => target.startsWith(`${dir}/`));
}

/** The content of a directory. Empty if another process has just removed it. */
function entriesOf(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** The host's cgroups whose name contains `name`. */
export function cgroupsNamed(name: string): string[] {
  const found: string[] = [];
  const visit = (dir: string, depth: number): void => {
    // A directory without directories has two links: "." and its name.
    if (depth > 6 || statSync(dir, { throwIfNoEntry: false })?.nlink === 2) return;
    for (const entry of entriesOf(dir)) {
      if (!entry.isDirectory()) continue;
      const path = `${dir}/${entry.name}`;
      if (entry.name.includes(name)) found.push(path);
      visit(path, depth + 1);
    }
  };
  visit("/sys/fs/cgroup", 0);
  return found;
}

/** The factor for timeouts: the CPU of the test machine (test/vm) is emulated. */
export const PATIENCE = process.env.BRUN_TEST_PLACE === undefined ? 1 : 6;

/**
 * Waits until `condition` returns a true value, and returns the value.
 * @param what is part of the error after `timeoutMs`
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 10000 * PATIENCE,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms still waiting: ${what}`);
    await Bun.sleep(10);
  }
}

/** Kills a process if it exists. */
export function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The place of num_threads (proc_pid_stat(5)) among the fields from the state on. */
const NUM_THREADS = 17;

/** Whether a process has ended, with all its descriptors closed; it may not be reaped yet. */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The first thread may end before the others, which still have the descriptors.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return /^[ZX]/.test(fields[0]!) && Number(fields[NUM_THREADS]) <= 1;
  } catch {
    return true;
  }
}
