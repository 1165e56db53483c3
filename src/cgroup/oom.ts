/** Reports when the kernel kills a process of a cgroup for lack of memory. */
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { O, open } from "../sys/fs.ts";
import { keyOf, tryWriteTo } from "./access.ts";
import { parentOf } from "./path.ts";
import { type CgroupPlan, directoryOf } from "./types.ts";

/** A source of OOM kills. */
export interface OomWatch {
  /** Readable when there may be new kills; -1 if the memory controller is missing. */
  readonly fd: number;
  /** Reads the pending events. Returns the number of kills since the last call. */
  take(): number;
}

const O_NONBLOCK_CLOEXEC = 0o2004000;
const IN_MODIFY = 2;

/** Watches a cgroup; without one there are no events. Throws a SysError. */
export function watchOom(plan: CgroupPlan | undefined): OomWatch {
  const directory = plan && directoryOf(plan, "memory");
  if (directory === undefined) return { fd: -1, take: () => 0 };
  return plan?.version === 2 ? watchUnified(directory) : watchLegacy(directory);
}

function kills(directory: string, file: string): number | null {
  const count = keyOf(directory, file, "oom_kill");
  return count === null ? null : Number(count);
}

/** Kills in a larger group: of the cgroup's parent, which v2 counts, otherwise of the whole machine. */
function killsAround(directory: string): number {
  return kills(parentOf(directory), "memory.events") ?? kills("/proc", "vmstat") ?? 0;
}

function watchUnified(directory: string): OomWatch {
  const file = "memory.events";
  const fd = check(syscall(NR.inotify_init1, O_NONBLOCK_CLOEXEC), "watch files");
  const watch = syscall(NR.inotify_add_watch, fd, cstr(`${directory}/${file}`), IN_MODIFY);
  if (watch === -E.ENOENT) return { fd: -1, take: () => 0 };
  check(watch, `watch ${directory}/${file}`);
  return counting(fd, directory, file, new Uint8Array(4096));
}

/** v1 signals an eventfd that is registered in cgroup.event_control (kernel, cgroup-v1/memory.rst). */
function watchLegacy(directory: string): OomWatch {
  const file = "memory.oom_control";
  const fd = check(syscall(NR.eventfd2, 0, O_NONBLOCK_CLOEXEC), "make an eventfd");
  const control = open(`${directory}/${file}`, O.RDONLY);
  check(tryWriteTo(directory, "cgroup.event_control", `${fd} ${control}`), `watch ${directory}/${file}`);
  return counting(fd, directory, file, new Uint8Array(8));
}

function counting(fd: number, directory: string, file: string, buffer: Uint8Array): OomWatch {
  let around = killsAround(directory);
  let known = kills(directory, file) ?? 0;
  return {
    fd,
    take() {
      while (syscall(NR.read, fd, buffer, buffer.length) > 0);
      const before = around;
      around = killsAround(directory);
      // A brun that runs the container in the foreground may have removed the cgroup, and its counter with it.
      const now = Math.max(kills(directory, file) ?? known + around - before, known);
      const fresh = now - known;
      known = now;
      return fresh;
    },
  };
}
