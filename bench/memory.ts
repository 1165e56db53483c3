/** The memory that a runtime uses for a container that waits for its start, or runs, without the container's program. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Stand } from "./setup.ts";

/** Kilobytes. */
export interface Memory {
  readonly name: string;
  readonly of: "created container" | "foreground `run`";
  readonly rss: number;
  readonly pss: number;
  readonly privateMemory: number;
  /** How often the process was woken up in a second in which nothing happened. */
  readonly wakeUps: number;
}

const IDLE_MS = 1000;

function measure(name: string, of: Memory["of"], pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(rollup)?.[1]);
  const before = switches(pid);
  Bun.sleepSync(IDLE_MS);
  return {
    name,
    of,
    rss: field("Rss"),
    pss: field("Pss"),
    privateMemory: field("Private_Clean") + field("Private_Dirty"),
    wakeUps: switches(pid) - before,
  };
}

/** Voluntary context switches of all threads of a process (proc_pid_status(5)). */
function switches(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return sum;
}

/** Measures, for each runtime, a created container, and the runtime itself while its container runs in the foreground. */
export function memoryOf(stand: Stand): Memory[] {
  const created = stand.bundle("memory-created");
  const running = stand.bundle("memory-running", (spec) => {
    spec.process.args = ["/bin/pause"];
  });
  stand.addPause(`${running}/rootfs/bin/pause`);
  const found: Memory[] = [];
  for (const name of stand.runtimes) {
    const path = stand.programs[name]!;
    const runtime = [path, "--root", stand.root(name)];
    stand.start([...runtime, "create", "--bundle", created, "bench-created"]);
    const { pid } = JSON.parse(stand.output([...runtime, "state", "bench-created"]));
    found.push(measure(name, "created container", pid));
    stand.start([...runtime, "delete", "--force", "bench-created"]);

    const pidFile = `${stand.root(name)}/../pid-${name}`;
    stand.background([...runtime, "run", "--bundle", running, "--pid-file", pidFile, "bench-running"]);
    for (let i = 0; i < 500 && !existsSync(pidFile); i++) Bun.sleepSync(10);
    Bun.sleepSync(IDLE_MS / 2);
    const stat = readFileSync(`/proc/${readFileSync(pidFile, "utf8")}/stat`, "utf8");
    found.push(
      measure(name, "foreground `run`", Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])),
    );
    stand.start([...runtime, "kill", "bench-running", "KILL"]);
    Bun.sleepSync(IDLE_MS / 2);
  }
  return found;
}
