/** Which optional system calls are missing. A seccomp filter may answer in the place of the kernel. */
import type { Replaceable } from "../../config/types.ts";
import { refusalOf } from "../../host/ask.ts";

/** The missing calls, or undefined. */
export function lackingCalls(): ReadonlySet<Replaceable> | undefined {
  let lacking: Set<Replaceable> | undefined;
  const ask = (name: Replaceable): void => {
    if (refusalOf(name) === 0) return;
    lacking ??= new Set();
    lacking.add(name);
  };
  ask("close_range");
  ask("mount_setattr");
  ask("pidfd_open");
  return lacking;
}
