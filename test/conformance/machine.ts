/** What the machine has that some cases need. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import type { Caller } from "../support/caller.ts";
import type { Subject } from "../support/runtime.ts";

/** Text of a file, "" when it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Whether a security module is enabled in the kernel. */
export function enabledModule(module: string): boolean {
  if (module === "AppArmor") return textOf("/sys/module/apparmor/parameters/enabled").startsWith("Y");
  return existsSync("/sys/fs/selinux/enforce");
}

/** Directory of a cgroup v1 controller, or undefined. */
export function v1Controller(name: string): string | undefined {
  const path = `/sys/fs/cgroup/${name}`;
  return existsSync(`${path}/cgroup.procs`) ? path : undefined;
}

/** Whether the machine has cgroup v2 alone. */
export const cgroup2: boolean = existsSync("/sys/fs/cgroup/cgroup.controllers");

/** Why a user's containers have no cgroups here, or undefined: at places of the test machine (test/vm) they have. */
export const undelegated: string | undefined = process.env.BRUN_TEST_PLACE?.startsWith("user-")
  ? undefined
  : "no cgroup delegated to the tests";

/** Controllers of cgroup v2 that a caller has. */
function controllers({ name, uid }: Caller): string[] {
  const cgroup = name === "root" ? "" : `/user.slice/user-${uid}.slice/user@${uid}.service`;
  return textOf(`/sys/fs/cgroup${cgroup}/cgroup.controllers`).trim().split(" ");
}

const files = new Map<string, readonly string[]>();

/** Files of a cgroup below a v1 controller's root, which has not all of them. */
function filesBelow(directory: string): readonly string[] {
  let found = files.get(directory);
  if (found === undefined) {
    const probe = `${directory}/brun-probe-${process.pid}`;
    mkdirSync(probe);
    found = readdirSync(probe);
    rmdirSync(probe);
    files.set(directory, found);
  }
  return found;
}

/** Why limits of a controller cannot be seen, or undefined. */
export function withoutLimits(controller: string, file: string): (subject: Subject) => string | undefined {
  return ({ runtime, caller }) => {
    if (cgroup2) {
      if (caller.name === "user" && undelegated !== undefined) return undelegated;
      return controllers(caller).includes(controller) ? undefined : `no controller ${controller}`;
    }
    if (runtime === "crun") return "crun needs cgroup v2 alone";
    if (caller.name === "user") return "cgroup v1 is for root";
    const directory = v1Controller(controller);
    if (directory === undefined) return `no controller ${controller}`;
    return filesBelow(directory).includes(file) ? undefined : `no ${file} in this kernel`;
  };
}
