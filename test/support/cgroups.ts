/** The cgroups of root: which versions the machine has, and the files of a container's cgroups. */
import { existsSync, readFileSync } from "node:fs";
import { testRoot } from "./caller.ts";
import { cgroupsNamed } from "./processes.ts";
import { pureCgroup2, type Subject } from "./runtime.ts";
import type { TestSpec } from "./spec.ts";

export const MOUNT = "/sys/fs/cgroup";

/** The mount point of cgroup v2. A hybrid host has v1, too. */
export const UNIFIED = pureCgroup2 ? MOUNT : `${MOUNT}/unified`;

/** Whether brun uses systemd for cgroups by default, as in some places of the test machine (test/vm). */
export const BY_SYSTEMD: boolean = process.env.BRUN_TEST_PLACE?.endsWith("systemd") ?? false;

/** A subject that has cgroups, and access to them from this process. */
export interface CgroupPlace {
  readonly subject: Subject;
  readonly version: 1 | 2;
  /** Whether a controller is available. */
  readonly has: (controller: string) => boolean;
}

const words = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").trim().split(/\s+/) : [];

/**
 * Words before a command of root. They show it a pure v2 host on a hybrid one.
 * @param entered a cgroup to enter
 */
export function v2View(entered?: string): string[] {
  const enter = entered === undefined ? "" : `echo $$ >${MOUNT}/${entered}/cgroup.procs && `;
  const script = `umount -R ${MOUNT} && mount -t cgroup2 cgroup2 ${MOUNT} && ${enter}exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, "sh"];
}

/** Root with each version of cgroups that the machine has. Empty if this process is not root. */
export function cgroupPlaces(): CgroupPlace[] {
  const root = testRoot();
  if (root === undefined) return [];
  const subject = (label: string, prefix: readonly string[]): Subject => ({
    runtime: "brun",
    caller: { ...root, prefix },
    label,
    unavailable: undefined,
  });
  const controllers = words(`${UNIFIED}/cgroup.controllers`);
  const v2: CgroupPlace = {
    subject: subject("root on cgroup v2", pureCgroup2 ? [] : v2View()),
    version: 2,
    has: (controller) => controller === "unified" || controllers.includes(controller),
  };
  if (pureCgroup2) return [v2];
  const has = (controller: string) => existsSync(`${MOUNT}/${controller}`);
  return [{ subject: subject("root on cgroup v1", []), version: 1, has }, v2];
}

/** The text of a file in the container's cgroup of any hierarchy. Throws an Error if no cgroup has the file. */
export function fileOf(id: string, file: string): string {
  const found = cgroupsNamed(id).filter((path) => existsSync(`${path}/${file}`));
  // On a hybrid host the unified hierarchy has a cpu.stat, too.
  const directory = found.find((path) => !path.includes("/unified/")) ?? found[0];
  if (directory === undefined) throw new Error(`no cgroup of ${id} has ${file}`);
  return readFileSync(`${directory}/${file}`, "utf8").trim();
}

/** Edits a spec: sets resources, and if given arguments. */
export const limits =
  (resources: object, args?: string[]) =>
  (spec: TestSpec): void => {
    spec.linux.resources = resources;
    if (args !== undefined) spec.process.args = args;
  };
