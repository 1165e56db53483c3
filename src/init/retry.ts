/** A system call that succeeds at one of two moments. */
import type { Value } from "../plan/program.ts";
import { E } from "../sys/errno.ts";
import type { SyscallName } from "../sys/syscalls.ts";
import type { ProcessContext } from "./context.ts";

/**
 * Makes a system call. If it fails with one of `errnos`, the returned function makes it again, with the rights
 * that the process has then. The second call has to succeed.
 */
export function tryEarly(
  x: ProcessContext,
  name: SyscallName,
  args: readonly Value[],
  errnos: readonly number[],
): () => void {
  const done = x.b.reserve(8, "0");
  const refused = x.b.label();
  x.b.sys(name, args, { handle: errnos, orElse: refused });
  x.b.poke(done, 1, 4);
  x.b.mark(refused);
  return () => {
    const again = x.b.label();
    const end = x.b.label();
    x.b.check(done, 1, 0xff, 1, E.EPERM, { handle: [E.EPERM], orElse: again, andThen: end });
    x.b.mark(again);
    x.b.sys(name, args);
    x.b.mark(end);
  };
}
