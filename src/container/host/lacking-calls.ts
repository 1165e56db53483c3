/** System calls that programs can do without, asked of the kernel, which a seccomp filter may answer for. */
import type { Replaceable } from "../../config/types.ts";
import { refusalOf } from "../../host/ask.ts";

/** Those that are not there, or undefined. */
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
