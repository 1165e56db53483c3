/** Makes a cgroup, and puts processes into it. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import type { Resources, Spec } from "../spec/index.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { exists, mkdirAll, readText } from "../sys/fs.ts";
import { readFileOf, tryWriteTo } from "./access.ts";
import { enableControllers, enterThreadedMode, makeRoom } from "./controllers.ts";
import { firstLimit } from "./demand.ts";
import { isFrozen } from "./freezer.ts";
import { MOUNT_POINT, ownPaths } from "./host.ts";
import { below, parentOf } from "./path.ts";
import { CGROUPS_WRITABLE } from "./plan.ts";
import { pidsIn, processDirectory } from "./processes.ts";
import { annotatedProperties } from "./systemd/annotations.ts";
import { startUnit, stopUnit } from "./systemd/manager.ts";
import { type CgroupPlan, directoryOf, type SystemdUnit } from "./types.ts";

const MODE = 0o755;

/**
 * Makes the directories of a plan without systemd. Throws a BrunError or SysError. Directories that were made
 * stay.
 */
export function createCgroup(plan: CgroupPlan, resources: Resources): void {
  if (plan.version === 2) {
    const directory = plan.paths[""]!;
    const parent = parentOf(directory);
    make(parent);
    // Comes before enabling controllers, since a "domain invalid" cgroup can enable none.
    enterThreadedMode(parent, resources);
    // A cgroup with controllers for its children must not have processes itself.
    if (enableControllers(directory) && firstLimit(resources) !== null) makeRoom(directory);
    make(directory);
    enterThreadedMode(directory, resources);
    return;
  }
  for (const directory of Object.values(plan.paths)) make(directory);
  const cpuset = directoryOf(plan, "cpuset");
  if (cpuset !== undefined) inheritCpuset(cpuset);
}

/** Has systemd make the cgroup with a process in it. Throws a BrunError or SysError. */
export function startInUnit(plan: CgroupPlan, unit: SystemdUnit, id: string, pid: number, spec: Spec): void {
  startUnit(unit, id, pid, annotatedProperties(spec.annotations));
  const path = ownPaths(readText(`/proc/${pid}/cgroup`)).get("");
  if (path !== undefined && below(MOUNT_POINT, path) === plan.paths[""]) {
    // Enables controllers that systemd does not know: hugetlb and rdma.
    enableControllers(plan.paths[""]);
    return;
  }
  stopUnit(unit);
  throw new BrunError(`systemd put the container into ${path}, not into ${plan.paths[""]}`);
}

/**
 * Refuses a cgroup that is already in use: its limits would change, and delete would kill other processes in it.
 * Has to be called before the plan is recorded. Throws a BrunError.
 */
export function checkUnused(plan: CgroupPlan): void {
  const where = "linux.cgroupsPath";
  const directory = processDirectory(plan);
  // On v1 the freezer's directory may exist without the others.
  if (isFrozen(plan)) throw new BrunError(`the cgroup ${directory} is frozen`, { where });
  if (!exists(directory) || pidsIn(directory).length === 0) return;
  throw new BrunError(`the cgroup ${directory} has processes already`, {
    where,
    hint: "give each container a cgroup of its own",
  });
}

function make(directory: string): void {
  try {
    mkdirAll(directory, MODE);
  } catch (error) {
    if (!(error instanceof SysError) || ![E.EROFS, E.EACCES, E.EPERM].includes(error.errno as never))
      throw error;
    throw new BrunError(`cannot make the cgroup ${directory}: ${error.code}`, {
      where: "linux.cgroupsPath",
      hint: `/sys/fs/cgroup may not be written here: ${CGROUPS_WRITABLE}, or add --cgroup-manager=disabled to run without limits`,
    });
  }
}

/** Copies CPUs and memory nodes to a new v1 cpuset, which has none and takes no process without them (cpuset(7)). */
function inheritCpuset(directory: string): void {
  const parent = parentOf(directory);
  if (readFileOf(parent, "cpuset.cpus")?.trim() === "") inheritCpuset(parent);
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (readFileOf(directory, file)?.trim() !== "") continue;
    const value = readFileOf(parent, file)?.trim() ?? "";
    const result = tryWriteTo(directory, file, value);
    if (result < 0) throw new SysError(`write ${quoted(value)} to ${directory}/${file}`, -result);
  }
}

/** Moves a process into one cgroup. Throws a SysError. */
export function moveInto(directory: string, pid: number): void {
  const result = tryWriteTo(directory, "cgroup.procs", `${pid}`);
  if (result < 0) throw new SysError(`put process ${pid} into the cgroup ${directory}`, -result);
}
