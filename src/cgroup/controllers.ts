/** Controllers of cgroup v2: enabling them on the way down (cgroups(7), "Cgroups v2 subtree control"). */
import { BrunError } from "../errors.ts";
import type { Resources } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { exists, mkdir } from "../sys/fs.ts";
import { readFileOf, tryWriteTo, wordsOf } from "./access.ts";
import { firstLimit } from "./demand.ts";
import { MOUNT_POINT } from "./host.ts";
import { below, parentOf } from "./path.ts";

/**
 * Enables every controller for the cgroup that is to be made at `directory`, as far as the caller may. Where
 * processes in the parent forbid it and the spec has limits, they move into a child "init" of it.
 */
export function enableControllers(directory: string, resources: Resources): void {
  const parent = parentOf(directory);
  const levels: string[] = [];
  for (let at = parent; at.length > MOUNT_POINT.length; at = parentOf(at)) levels.unshift(at);
  const available = wordsOf(MOUNT_POINT, "cgroup.controllers");
  const enabled = wordsOf(parent, "cgroup.subtree_control");
  if (available.every((controller) => enabled.includes(controller))) return;
  for (const level of [MOUNT_POINT, ...levels]) {
    if (!enableIn(level) || level !== parent || firstLimit(resources) === null) continue;
    vacate(level);
    enableIn(level);
  }
}

/** Enables what a cgroup has for its children; true when processes in it stand in the way. */
function enableIn(level: string): boolean {
  const enabled = wordsOf(level, "cgroup.subtree_control");
  const missing = wordsOf(level, "cgroup.controllers").filter((controller) => !enabled.includes(controller));
  if (missing.length === 0) return false;
  const write = (controllers: readonly string[]) =>
    tryWriteTo(level, "cgroup.subtree_control", controllers.map((controller) => `+${controller}`).join(" "));
  if (write(missing) === 0) return false;
  // One that is refused must not keep the others out.
  return missing.map((controller) => write([controller])).includes(-E.EBUSY);
}

/** A cgroup with controllers for its children may have no processes itself: they go one level down. */
function vacate(level: string): void {
  const child = below(level, "init");
  if (!exists(child) && mkdir(child, 0o755) < 0) return;
  for (const pid of wordsOf(level, "cgroup.procs")) tryWriteTo(child, "cgroup.procs", pid);
}

/** Whether a limit needs a domain controller; the others can also be had in threaded cgroups. */
function needsDomain(resources: Resources): boolean {
  const { memory, blockIO, hugepageLimits } = resources;
  return [{ memory }, { blockIO }, { hugepageLimits }].some((part) => firstLimit(part as Resources) !== null);
}

/**
 * A cgroup made below a threaded one is "domain invalid" and takes no process until it is threaded too.
 * @throws BrunError the spec has limits that a threaded cgroup cannot have
 */
export function enterThreadedMode(directory: string, resources: Resources): void {
  const type = readFileOf(directory, "cgroup.type")?.trim();
  if (type === undefined || type === "domain") return;
  if (needsDomain(resources)) {
    throw new BrunError(
      `the cgroup ${directory} is ${type}, so it can have no memory, io or hugetlb limits`,
      {
        where: "linux.cgroupsPath",
        hint: "choose one that is not below a threaded cgroup",
      },
    );
  }
  if (type === "domain invalid") tryWriteTo(directory, "cgroup.type", "threaded");
}
