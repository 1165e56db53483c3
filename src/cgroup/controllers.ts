/**
 * Enables controllers of cgroup v2 from the root of the hierarchy downwards (cgroups(7), "Cgroups v2 subtree
 * control").
 */
import { BrunError } from "../errors.ts";
import type { Resources } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { exists, mkdir } from "../sys/fs.ts";
import { readFileOf, tryWriteTo, wordsOf } from "./access.ts";
import { firstLimit } from "./demand.ts";
import { MOUNT_POINT } from "./host.ts";
import { below, parentOf } from "./path.ts";

/**
 * Enables every controller for the cgroup at `directory`, as far as the caller may. The cgroup need not exist yet.
 * Returns whether processes in its parent prevent it.
 */
export function enableControllers(directory: string): boolean {
  const parent = parentOf(directory);
  const levels: string[] = [];
  for (let at = parent; at.length > MOUNT_POINT.length; at = parentOf(at)) levels.unshift(at);
  const available = wordsOf(MOUNT_POINT, "cgroup.controllers");
  const enabled = wordsOf(parent, "cgroup.subtree_control");
  if (available.every((controller) => enabled.includes(controller))) return false;
  return [MOUNT_POINT, ...levels].map(enableIn).at(-1)!;
}

/** Moves the processes of a new cgroup's parent into a child "init", and then enables its controllers. */
export function makeRoom(directory: string): void {
  const parent = parentOf(directory);
  const child = below(parent, "init");
  if (!exists(child) && mkdir(child, 0o755) < 0) return;
  for (const pid of wordsOf(parent, "cgroup.procs")) tryWriteTo(child, "cgroup.procs", pid);
  enableIn(parent);
}

/**
 * Enables a cgroup's controllers for its children. Returns true if processes in it prevent that. A domain with
 * processes is not tried: cpu and pids could be enabled in it, but they would make it threaded, and then its
 * children take no process.
 */
function enableIn(level: string): boolean {
  const enabled = wordsOf(level, "cgroup.subtree_control");
  const missing = wordsOf(level, "cgroup.controllers").filter((controller) => !enabled.includes(controller));
  if (missing.length === 0) return false;
  if (typeOf(level) === "domain" && wordsOf(level, "cgroup.procs").length > 0) return true;
  const write = (controllers: readonly string[]) =>
    tryWriteTo(level, "cgroup.subtree_control", controllers.map((controller) => `+${controller}`).join(" "));
  if (write(missing) === 0) return false;
  // The controllers are tried one by one, so that a refused one does not keep the others out.
  return missing.map((controller) => write([controller])).includes(-E.EBUSY);
}

/** Whether a limit needs a domain controller. Threaded cgroups can have the other limits. */
function needsDomain(resources: Resources): boolean {
  const { memory, blockIO, hugepageLimits } = resources;
  return [{ memory }, { blockIO }, { hugepageLimits }].some((part) => firstLimit(part as Resources) !== null);
}

/**
 * Makes a cgroup below a threaded one threaded, too. Otherwise it is "domain invalid" and takes no process.
 * @throws BrunError the spec has limits that a threaded cgroup cannot have
 */
export function enterThreadedMode(directory: string, resources: Resources): void {
  const type = typeOf(directory);
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
  if (type === "domain invalid") makeThreaded(directory);
}

/** Works from the top down: a cgroup below a "domain invalid" one cannot be made threaded. */
function makeThreaded(directory: string): void {
  const parent = parentOf(directory);
  if (typeOf(parent) === "domain invalid") makeThreaded(parent);
  tryWriteTo(directory, "cgroup.type", "threaded");
}

/**
 * The cgroup's type: "domain", "domain threaded", "domain invalid" or "threaded"; undefined for the root of the
 * hierarchy.
 */
function typeOf(directory: string): string | undefined {
  return readFileOf(directory, "cgroup.type")?.trim();
}
