/** The cgroup of a process of `exec`, where it enters that by itself. */
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import type { Policy, ProgramBuilder } from "../plan/program.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";

/**
 * Enters the container's cgroup, before any namespace is joined: what enterForExec() of
 * src/container/resources/exec-cgroup.ts does for most containers. The plan fails if it takes more, such as a
 * request to systemd or a look for the cgroup that the container's processes have moved to.
 */
export function enterCgroup(b: ProgramBuilder, { version, paths, delegated, optional }: CgroupPlan): void {
  if (version === 1) {
    for (const directory of Object.values(paths)) enter(b, directory, {});
    return;
  }
  const directory = delegated?.[0] ?? paths[""]!;
  holdsProcesses(b, directory);
  // Staying outside evades no limit.
  enter(b, directory, optional ? { handle: [E.EACCES, E.EPERM] } : {});
}

/** A cgroup whose controllers are enabled for those below has its processes there. */
function holdsProcesses(b: ProgramBuilder, directory: string): void {
  b.at("exec", { kind: "openCgroup", path: directory });
  const file = `${directory}/cgroup.subtree_control`;
  const fd = b.get("openat", [AT_FDCWD, b.str(file), O.RDONLY | O.CLOEXEC, 0]);
  const first = b.reserve(8, "controllers");
  b.sys("read", [fd, first, 1]);
  b.close(fd);
  // Nothing is read if there are none.
  b.check(first, 1, 0xff, 0, E.EBUSY);
}

function enter(b: ProgramBuilder, directory: string, refused: Policy): void {
  const next = b.label();
  b.at("exec", { kind: "enterCgroup", path: directory });
  const path = b.str(`${directory}/cgroup.procs`);
  const fd = b.get("openat", [AT_FDCWD, path, O.WRONLY | O.CLOEXEC, 0], { ...refused, orElse: next });
  // 0 is the process that writes.
  b.sys("write", [fd, b.str("0"), 1], refused);
  b.close(fd);
  b.mark(next);
}
