/** Finding what a test has left behind, and waiting for what it expects. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process that belongs to a test. */
export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Text behind a /proc name, "" when the process has gone or is not ours to see. */
function proc(read: (path: string) => string, pid: string, name: string): string {
  try {
    return read(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
}

const text = (path: string): string => readFileSync(path, "utf8");

/**
 * Every live process that has to do with a directory: it stands in its command line, environment, working
 * directory, root or mounts. Those of other users are seen as far as the kernel shows them.
 */
export function processesOf(dir: string): FoundProcess[] {
  const found: FoundProcess[] = [];
  // What is mounted in the namespace of the tests is in every process of the machine: they are not the test's.
  const isShared = hasMountsOf(text("/proc/self/mountinfo"), dir);
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || pid === "1" || Number(pid) === process.pid) continue;
    const traces = [
      proc(text, pid, "cmdline"),
      proc(text, pid, "environ"),
      proc(readlinkSync, pid, "cwd"),
      proc(readlinkSync, pid, "root"),
    ];
    const inMounts = !isShared && hasMountsOf(proc(text, pid, "mountinfo"), dir);
    if (!inMounts && !traces.some((trace) => trace.includes(dir))) continue;
    if (/^State:\s+[ZX]/m.test(proc(text, pid, "status"))) continue;
    const command = traces[0]!.replaceAll("\0", " ").trim() || proc(text, pid, "comm").trim();
    found.push({ pid: Number(pid), command });
  }
  return found;
}

/**
 * Whether a namespace has mounts of what is in a directory, as a container of a test has. Mounts that stand below the directory
 * are no sign of it: a copy of the tests' namespace keeps those that a test had meanwhile.
 */
function hasMountsOf(mountinfo: string, dir: string): boolean {
  return mountinfo
    .split("\n")
    .some((line) => line.includes(dir) && line.split(" ")[4]?.includes(dir) === false);
}

/** Mounts of our own namespace below a directory. */
export function mountsBelow(dir: string): string[] {
  return text("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((target) => target.startsWith(`${dir}/`));
}

/** What is in a directory; nothing when another process has just removed it. */
function entriesOf(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Cgroups of the host whose name holds `name`. */
export function cgroupsNamed(name: string): string[] {
  const found: string[] = [];
  const visit = (dir: string, depth: number): void => {
    if (depth > 6) return;
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

/** How much longer than elsewhere things may take: in the test machine (test/vm) the CPU is emulated. */
export const PATIENCE = process.env.BRUN_TEST_PLACE === undefined ? 1 : 6;

/**
 * Waits until `condition` gives something true and returns it.
 * @param what is named in the error when that has not happened after `timeoutMs`
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

/** Kills a process if it is there. */
export function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
