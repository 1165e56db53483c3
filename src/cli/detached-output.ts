/** Where the output of a detached container goes: nobody who waits for the end of brun's own is to wait for the container's. */
import type { Runtime } from "../container/types.ts";
import { dismissAhead } from "../stage/launch.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, open, S, tryStat } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";

const F_DUPFD_CLOEXEC = 1030;

/** Above those that --preserve-fds may name. */
const FIRST_COPY = 100;

/**
 * Runs `action` with /dev/null as stdout and stderr where they are no files, and puts them back. What it warns of is told
 * behind it. Throws what the action throws.
 */
export function withoutOutput<T>(rt: Runtime, action: (quiet: Runtime) => T): T {
  const copies = [1, 2].filter(isNoFile).map((fd) => [fd, copyOf(fd)] as const);
  if (copies.length === 0) return action(rt);
  const told: (() => void)[] = [];
  const later = (tell: (message: string) => void) => (message: string) => {
    told.push(() => tell(message));
  };
  // The stage that is there already has the old ones.
  dismissAhead();
  const nothing = open("/dev/null", O.RDWR);
  for (const [fd] of copies) check(syscall(NR.dup3, nothing, fd, 0), "replace the output");
  close(nothing);
  try {
    return action({ ...rt, warn: later(rt.warn), debug: rt.debug && later(rt.debug) });
  } finally {
    for (const [fd, copy] of copies) {
      syscall(NR.dup3, copy, fd, 0);
      close(copy);
    }
    each(told, (tell) => tell());
  }
}

function copyOf(fd: number): number {
  return check(syscall(NR.fcntl, fd, F_DUPFD_CLOEXEC, FIRST_COPY), "keep the output");
}

function isNoFile(fd: number): boolean {
  const stat = tryStat(`/proc/self/fd/${fd}`);
  return typeof stat !== "number" && (stat.mode & S.IFMT) !== S.IFREG;
}
