/**
 * linux.intelRdt: a group of resctrl, which shares out cache and memory bandwidth (the kernel's
 * filesystems/resctrl.rst; config-linux.md#intelrdt). Not on the hot path: import it lazily.
 */

import { BrunError } from "../../errors.ts";
import type { IntelRdt } from "../../spec/index.ts";
import { E, errnoText } from "../../sys/errno.ts";
import { exists, mkdir, readdir, readTextIfThere, tryWriteExisting } from "../../sys/fs.ts";
import { mountPath } from "../../sys/mountinfo.ts";

const WHERE = "linux.intelRdt";

/** Where resctrl is mounted. Throws a BrunError if it is not, because the limits would have no effect. */
export function resctrlMount(mountinfo = readTextIfThere("/proc/self/mountinfo") ?? ""): string {
  for (const line of mountinfo.split("\n")) {
    if (line.includes(" - resctrl ")) return mountPath(line.split(" ")[4]!);
  }
  throw new BrunError(`${WHERE} needs resctrl, which is not mounted on this machine`, {
    where: WHERE,
    hint: "on a CPU that has it: mount -t resctrl resctrl /sys/fs/resctrl",
  });
}

/**
 * Puts a process into its group, which is made when it is not there.
 * @param mount where resctrl is mounted
 * @param id name of a group without a closID of its own: the container's
 * @returns the directory to remove with the container, or null when someone else has made the group
 * Throws a BrunError.
 */
export function joinResctrl(mount: string, rdt: IntelRdt, id: string, pid: number): string | null {
  const name = rdt.closID || id;
  const group = name === "/" ? mount : `${mount}/${name}`;
  const made = !exists(group);
  const schemata = [rdt.l3CacheSchema, rdt.memBwSchema, ...(rdt.schemata ?? [])].filter(Boolean);
  if (made) {
    if (rdt.closID && schemata.length === 0)
      throw new BrunError(`${group} does not exist, and there is no schema to make it with`, {
        where: WHERE,
      });
    makeDirectory(group);
  }
  if (schemata.length > 0) write(`${group}/schemata`, `${schemata.join("\n")}\n`);
  write(`${group}/tasks`, `${pid}`);
  if (!rdt.enableMonitoring) return made ? group : null;
  const monitoring = `${group}/mon_groups/${id}`;
  makeDirectory(monitoring);
  write(`${monitoring}/tasks`, `${pid}`);
  return made ? group : monitoring;
}

/** Directories of resctrl that are no groups. */
const NO_GROUPS = ["info", "mon_groups", "mon_data"];

/**
 * Writes other schemata for the group that a process is in: a container's, not the default one, which is everyone's.
 * Throws a BrunError.
 */
export function updateResctrl(mount: string, pid: number, schemata: readonly string[]): void {
  const group = readdir(mount).find(
    (name) =>
      !NO_GROUPS.includes(name) &&
      (readTextIfThere(`${mount}/${name}/tasks`)?.split("\n").includes(`${pid}`) ?? false),
  );
  if (group === undefined) {
    throw new BrunError("the container is in no group of Intel RDT", {
      hint: "its config needs linux.intelRdt when it is made",
    });
  }
  write(`${mount}/${group}/schemata`, `${schemata.join("\n")}\n`);
}

function makeDirectory(path: string): void {
  const errno = -mkdir(path, 0o755);
  if (errno === 0) return;
  const hint = errno === E.ENOSPC ? "the CPU has no class of service left" : undefined;
  throw new BrunError(`cannot make ${path}: ${errnoText(errno)}`, { where: WHERE, hint });
}

function write(path: string, data: string): void {
  const result = tryWriteExisting(path, data);
  if (result < 0) throw new BrunError(`cannot write ${path}: ${errnoText(-result)}`, { where: WHERE });
}
