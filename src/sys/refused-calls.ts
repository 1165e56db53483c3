/**
 * Whether a system call can be used at all. A kernel without it answers ENOSYS. A seccomp filter around brun that
 * does not know it answers ENOSYS or EPERM, and EPERM may also be the call's own answer. So the calls are tried
 * with arguments that the kernel rejects as invalid before any other check, or that change nothing.
 */
import { AT_RECURSIVE } from "./constants.ts";
import { E } from "./errno.ts";
import { NR, syscall } from "./ffi.ts";
import type { SyscallName } from "./syscalls.ts";

const NOBODY = 0x7ffffff0;
const CLOSE_RANGE_CLOEXEC = 4;
const ALL_FLAGS = 0xffffffff;

/** Such arguments for each call that any caller can try. */
export const SENSELESS: { readonly [Name in SyscallName]?: readonly number[] } = {
  clone3: [0, 0],
  close_range: [NOBODY, NOBODY, CLOSE_RANGE_CLOEXEC],
  execveat: [-1, 0, 0, 0, 0],
  faccessat2: [-1, 0, 0, ALL_FLAGS],
  fsconfig: [-1, 0, 0, 0, 0],
  mount_setattr: [-1, 0, ALL_FLAGS, 0, 0],
  open_tree: [-1, 0, AT_RECURSIVE],
  openat2: [-1, 0, 0, 0],
  pidfd_open: [-1, 0],
  pidfd_send_signal: [-1, 0, 0, ALL_FLAGS],
};

/** E.ENOSYS or E.EPERM if a call cannot be used. 0 if it can, or if it cannot be tried. */
export function refusalOf(name: SyscallName): number {
  const args = SENSELESS[name];
  if (args === undefined) return 0;
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  const result = syscall(NR[name], a, b, c, d, e);
  return result === -E.ENOSYS || result === -E.EPERM ? -result : 0;
}
