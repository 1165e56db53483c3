/** System calls that programs can do without, asked of the kernel, which a seccomp filter may answer for. */
import type { Replaceable } from "../config/types.ts";
import { E } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";

const NOBODY = 0xffffffff;
const CLOSE_RANGE_CLOEXEC = 4;

/** Those that are not there, or undefined. Asks with arguments that change nothing. */
export function lackingCalls(): ReadonlySet<Replaceable> | undefined {
  let lacking: Set<Replaceable> | undefined;
  const ask = (name: Replaceable, result: number): void => {
    if (result !== -E.ENOSYS) return;
    lacking ??= new Set();
    lacking.add(name);
  };
  ask("close_range", syscall(NR.close_range, NOBODY, NOBODY, CLOSE_RANGE_CLOEXEC));
  ask("mount_setattr", syscall(NR.mount_setattr, -1, 0, 0, 0, 0));
  ask("pidfd_open", syscall(NR.pidfd_open, -1, 0));
  return lacking;
}
