/** The end of plans that do nothing where not all is as it was. */
import type { Label, ProgramBuilder } from "../stage/program.ts";
import { E } from "../sys/errno.ts";

/** Fails where the plan has come to `otherwise`. */
export function failAt(b: ProgramBuilder, otherwise: Label): void {
  const fine = b.label();
  b.sys("getpid", [], { andThen: fine });
  b.mark(otherwise);
  b.check(b.reserve(8, "zero"), 1, 0xff, 1, E.EAGAIN);
  b.mark(fine);
}
