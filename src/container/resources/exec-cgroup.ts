/** The cgroup of a process of `exec`: the container's, or one below it (`exec --cgroup`). */
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { absolute, exists, readText } from "../../sys/fs.ts";
import type { StoredState } from "../state/store.ts";
import { cgroups } from "./cgroup.ts";

/**
 * Puts the stage of an exec into the container's cgroup. It does not clone into it: from the container's cgroup
 * namespace, which it joins first, its way there would lead across the root (nsdelegate, cgroups(7)).
 * Throws a BrunError or SysError.
 * @param given values of --cgroup: "path" or "controller[,…]:path", below the container's cgroup
 */
export function enterForExec(stored: StoredState, given: readonly string[], stage: number): void {
  const plan = stored.cgroup;
  if (plan === undefined) {
    if (given.length === 0) return;
    throw new BrunError(`container ${stored.id} has no cgroup of its own`, { where: "--cgroup" });
  }
  const { attachToUnit, moveInto, ownPaths, readFileOf, MOUNT_POINT } = cgroups();
  const directories = subDirectories(plan.paths, parseSubCgroups(given));
  if (plan.version === 1) {
    for (const directory of directories.values()) moveInto(directory, stage);
    return;
  }
  const own = plan.paths[""]!;
  let directory = given.length === 0 ? (plan.delegated?.[0] ?? own) : directories.get("")!;
  if (given.length === 0 && readFileOf(directory, "cgroup.subtree_control")?.trim() !== "") {
    // Its processes are further down, as in a container that runs systemd: beside the first one.
    const first = ownPaths(readText(`/proc/${stored.pid}/cgroup`)).get("") ?? "/";
    if (`${MOUNT_POINT}${first}`.startsWith(`${own}/`)) directory = `${MOUNT_POINT}${first}`;
  }
  try {
    moveInto(directory, stage);
  } catch (error) {
    const refused = error instanceof SysError && (error.errno === E.EACCES || error.errno === E.EPERM);
    // No limit is evaded by staying outside, where the caller may not move a process across.
    if (refused && plan.optional && given.length === 0) return;
    if (!refused || plan.systemd === undefined) throw error;
    // Out of another session's scope only systemd may move a process.
    attachToUnit(plan.systemd, directory.slice(own.length) || "/", stage);
  }
}

/** Paths by controller; "" stands for all. Throws a BrunError. */
function parseSubCgroups(given: readonly string[]): Map<string, string> {
  const where = "--cgroup";
  const paths = new Map<string, string>();
  for (const value of given) {
    const colon = value.indexOf(":");
    if (colon < 0 && given.length > 1) {
      throw new BrunError(`${value}: each of several needs a "controller:" before the path`, { where });
    }
    for (const controller of colon < 0 ? [""] : value.slice(0, colon).split(",")) {
      if (colon >= 0 && controller === "")
        throw new BrunError(`${value}: no controller before the colon`, { where });
      if (paths.has(controller)) throw new BrunError(`${controller} is given twice`, { where });
      paths.set(controller, value.slice(colon + 1));
    }
  }
  return paths;
}

/** The directory to enter in each hierarchy. Throws a BrunError. */
function subDirectories(
  paths: Readonly<Record<string, string>>,
  given: ReadonlyMap<string, string>,
): Map<string, string> {
  const used = new Set<string>();
  const directories = new Map<string, string>();
  for (const name in paths) {
    const controller = ["", ...name.split(",")].find((c) => given.has(c));
    let directory = paths[name]!;
    if (controller !== undefined) {
      used.add(controller);
      const sub = given.get(controller)!;
      const full = absolute(`${directory}/${sub}`);
      if (full !== directory && !full.startsWith(`${directory}/`)) {
        throw new BrunError(`bad sub cgroup path: ${sub}: it leads out of the container's`, {
          where: "--cgroup",
        });
      }
      directory = full;
      if (!exists(directory))
        throw new BrunError(`the cgroup ${directory}: no such file or directory`, { where: "--cgroup" });
    }
    directories.set(name, directory);
  }
  for (const controller of given.keys()) {
    if (!used.has(controller)) throw new BrunError(`no controller ${controller}`, { where: "--cgroup" });
  }
  return directories;
}
