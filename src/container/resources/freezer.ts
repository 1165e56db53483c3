/** The freezer of a container's cgroup, for plans. */
import { directoryOf } from "../../cgroup/types.ts";
import type { CgroupPlan } from "../../config/cgroup-plan.ts";
import type { Local } from "../../plan/local.ts";
import type { Label, Slot } from "../../plan/program.ts";
import { E } from "../../sys/errno.ts";
import { AT_FDCWD, O } from "../../sys/fs.ts";

/** The file whose first byte tells whether a cgroup itself is frozen, or being so; not whether one above it is. */
export function freezerFile(plan: CgroupPlan): string | undefined {
  const freezer = directoryOf(plan, "freezer");
  if (freezer === undefined) return undefined;
  return `${freezer}/${plan.version === 2 ? "cgroup.freeze" : "freezer.self_freezing"}`;
}

/**
 * Fails with EAGAIN when a cgroup is frozen, or goes to a place.
 * @param file {@link freezerFile}, or a slot with the address of its path
 */
export function unlessFrozen({ b, at }: Local, file: string | Slot, frozen: Label | undefined): void {
  at("isThawed");
  const thawed = b.label();
  const gone = { handle: [E.ENOENT, E.ENODEV], orElse: thawed };
  const path = typeof file === "string" ? b.str(file) : file;
  const fd = b.get("openat", [AT_FDCWD, path, O.RDONLY | O.CLOEXEC, 0], gone);
  const text = b.reserve(8, "0 or 1");
  // The plan runs again, and nothing may be read then.
  if (typeof file !== "string") b.poke(text, 0, 8);
  b.sys("read", [fd, text, 1], { handle: [E.ENODEV] });
  b.close(fd);
  // The lowest bit tells the two digits apart; what could not be read is as good as "0".
  b.check(text, 1, 1, 0, E.EAGAIN, frozen && { handle: [E.EAGAIN], orElse: frozen });
  b.mark(thawed);
}

/** Lets the processes of a cgroup of v1 go on; one that has gone meanwhile needs it no more. */
export function thaw({ b }: Local, plan: CgroupPlan): void {
  const freezer = directoryOf(plan, "freezer");
  if (freezer === undefined) return;
  const gone = b.label();
  const path = b.str(`${freezer}/freezer.state`);
  // Writing to a file that was opened before its cgroup was removed fails with ENODEV.
  const policy = { handle: [E.ENOENT, E.ENODEV], orElse: gone };
  const fd = b.get("openat", [AT_FDCWD, path, O.WRONLY | O.CLOEXEC, 0], policy);
  b.sys("write", [fd, b.str("THAWED"), 6], { handle: [E.ENODEV] });
  b.close(fd);
  b.mark(gone);
}
