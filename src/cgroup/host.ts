/** The cgroup hierarchies of the host as this process sees them. */

import { FS_MAGIC } from "../sys/constants.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { readText } from "../sys/fs.ts";
import { mountPath } from "../sys/mountinfo.ts";
import { splitCgroupLine } from "./proc-cgroup.ts";

/** One mounted hierarchy. */
export interface Hierarchy {
  /**
   * The name as in /proc/self/cgroup: "" for the unified hierarchy, otherwise "memory", "cpu,cpuacct",
   * "name=systemd".
   */
  readonly name: string;
  readonly mountPoint: string;
  /** The cgroup of this process in it, relative to the mount point; null if it is outside of the mount. */
  readonly own: string | null;
}

/** The facts that a plan depends on. */
export interface CgroupHost {
  /** 2: /sys/fs/cgroup is the unified hierarchy; 1: v1 or hybrid; 0: nothing is mounted. */
  readonly version: 0 | 1 | 2;
  readonly hierarchies: readonly Hierarchy[];
}

export const MOUNT_POINT = "/sys/fs/cgroup";

/** Reads the hierarchies. Throws a SysError. */
export function readCgroupHost(): CgroupHost {
  const own = ownPaths(readText("/proc/self/cgroup"));
  const statfs = new Uint32Array(30);
  if (syscall(NR.statfs, cstr(MOUNT_POINT), statfs) === 0 && statfs[0] === FS_MAGIC.CGROUP2) {
    return {
      version: 2,
      hierarchies: [{ name: "", mountPoint: MOUNT_POINT, own: inside("/", own.get("")) }],
    };
  }
  const hierarchies = mounted(readText("/proc/self/mountinfo"), own);
  return { version: hierarchies.some((h) => h.name !== "") ? 1 : 0, hierarchies };
}

/** The paths in a /proc/PID/cgroup, by hierarchy. */
export function ownPaths(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const hierarchy = splitCgroupLine(line);
    if (hierarchy !== null) paths.set(hierarchy.name, hierarchy.path);
  }
  return paths;
}

/** The mounted hierarchies of a v1 or hybrid host, from /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function mounted(mountinfo: string, own: ReadonlyMap<string, string>): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of mountinfo.split("\n")) {
    const [head, tail] = line.split(" - ");
    const type = tail?.split(" ")[0];
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const [root, mountPoint] = head!.split(" ").slice(3, 5).map(mountPath);
    const name = type === "cgroup2" ? "" : hierarchyOf(tail!.split(" ")[2] ?? "", own);
    if (name === null || found.has(name)) continue;
    found.set(name, { name, mountPoint: mountPoint!, own: inside(root!, own.get(name)) });
  }
  return [...found.values()];
}

/** The hierarchy that has a controller (or name) among a mount's options. */
function hierarchyOf(options: string, own: ReadonlyMap<string, string>): string | null {
  const given = options.split(",");
  for (const name of own.keys()) {
    if (name !== "" && name.split(",").every((part) => given.includes(part))) return name;
  }
  return null;
}

/**
 * The path relative to a mount's root. A path with ".." is outside of the cgroup namespace (cgroup_namespaces(7)).
 */
function inside(root: string, path: string | undefined): string | null {
  if (path === undefined || path.startsWith("/..")) return null;
  if (root === "/") return path;
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}
