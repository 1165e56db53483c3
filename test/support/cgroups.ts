/** Root's cgroups: where the machine has them, and looking at those of a container. */
import { existsSync, readFileSync } from "node:fs";
import { testRoot } from "./caller.ts";
import { cgroupsNamed } from "./processes.ts";
import { pureCgroup2, type Subject } from "./runtime.ts";
import type { TestSpec } from "./spec.ts";

export const MOUNT = "/sys/fs/cgroup";

/** Where cgroup v2 is mounted: beside v1 on a hybrid host. */
export const UNIFIED = pureCgroup2 ? MOUNT : `${MOUNT}/unified`;

/** Whether brun asks systemd for cgroups without being told: at some places of the test machine (test/vm). */
export const BY_SYSTEMD: boolean = process.env.BRUN_TEST_PLACE?.endsWith("systemd") ?? false;

/** Someone with cgroups, and how to look at them from here. */
export interface CgroupPlace {
  readonly subject: Subject;
  readonly version: 1 | 2;
  /** Whether a controller can be used. */
  readonly has: (controller: string) => boolean;
}

const words = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").trim().split(/\s+/) : [];

/**
 * Command line before a command of root's that shows it a pure v2 host on a hybrid one.
 * @param entered a cgroup to be in
 */
export function v2View(entered?: string): string[] {
  const enter = entered === undefined ? "" : `echo $$ >${MOUNT}/${entered}/cgroup.procs && `;
  const script = `umount -R ${MOUNT} && mount -t cgroup2 cgroup2 ${MOUNT} && ${enter}exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, "sh"];
}

/** Root on each version of cgroups that the machine has; nothing when no one is root. */
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

/** The text of a file in the container's cgroup that has it, wherever that is mounted. Throws when none has. */
export function fileOf(id: string, file: string): string {
  const found = cgroupsNamed(id).filter((path) => existsSync(`${path}/${file}`));
  // The unified hierarchy of a hybrid host has a cpu.stat too.
  const directory = found.find((path) => !path.includes("/unified/")) ?? found[0];
  if (directory === undefined) throw new Error(`no cgroup of ${id} has ${file}`);
  return readFileSync(`${directory}/${file}`, "utf8").trim();
}

/** Edits a spec to have resources and, when given, other arguments. */
export const limits =
  (resources: object, args?: string[]) =>
  (spec: TestSpec): void => {
    spec.linux.resources = resources;
    if (args !== undefined) spec.process.args = args;
  };
