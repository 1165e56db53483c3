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
 * Enables every controller for the cgroup at `directory`, which need not exist yet, as far as the caller may.
 * Returns whether processes in its parent stand in the way.
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

/** Moves the processes of a new cgroup's parent one level down, into "init", and enables its controllers then. */
export function makeRoom(directory: string): void {
  const parent = parentOf(directory);
  const child = below(parent, "init");
  if (!exists(child) && mkdir(child, 0o755) < 0) return;
  for (const pid of wordsOf(parent, "cgroup.procs")) tryWriteTo(child, "cgroup.procs", pid);
  enableIn(parent);
}

/**
 * Enables what a cgroup has for its children; true when processes in it stand in the way. A domain with processes is
 * left alone: cpu and pids alone could be enabled in it, which would make it threaded, and its children take no process.
 */
function enableIn(level: string): boolean {
  const enabled = wordsOf(level, "cgroup.subtree_control");
  const missing = wordsOf(level, "cgroup.controllers").filter((controller) => !enabled.includes(controller));
  if (missing.length === 0) return false;
  if (typeOf(level) === "domain" && wordsOf(level, "cgroup.procs").length > 0) return true;
  const write = (controllers: readonly string[]) =>
    tryWriteTo(level, "cgroup.subtree_control", controllers.map((controller) => `+${controller}`).join(" "));
  if (write(missing) === 0) return false;
  // One that is refused must not keep the others out.
  return missing.map((controller) => write([controller])).includes(-E.EBUSY);
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

/** From the top down: what is below a "domain invalid" cgroup cannot be made threaded. */
function makeThreaded(directory: string): void {
  const parent = parentOf(directory);
  if (typeOf(parent) === "domain invalid") makeThreaded(parent);
  tryWriteTo(directory, "cgroup.type", "threaded");
}

/** "domain", "domain threaded", "domain invalid" or "threaded"; undefined for the root of the hierarchy. */
function typeOf(directory: string): string | undefined {
  return readFileOf(directory, "cgroup.type")?.trim();
}
