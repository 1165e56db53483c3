/** External resources of a container. CRIU does not save them, and gets names for them. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { close, O, readText, S, tryOpen, tryStat } from "../sys/fs.ts";
import { mountPath } from "../sys/mountinfo.ts";
import { openat2 } from "../sys/openat2.ts";
import type { Pair } from "./rpc.ts";

/** A line of mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly id: number;
  /** major:minor of the file system. */
  readonly device: string;
  /** Directory of the file system that is mounted. */
  readonly root: string;
  readonly target: string;
  readonly type: string;
}

/** Reads a mountinfo's text. */
export function parseMountInfo(text: string): MountInfo[] {
  return text.split("\n").flatMap((line) => {
    const words = line.split(" ");
    const type = words[words.indexOf("-") + 1];
    if (words.length < 9 || type === undefined) return [];
    const [id, , device, root, target] = words as [string, string, string, string, string];
    return [{ id: Number(id), device, root: mountPath(root), target: mountPath(target), type }];
  });
}

/** File systems that each namespace has its own instance of, or that exist only once. CRIU mounts them again. */
const KERNEL = ["proc", "sysfs", "mqueue", "cgroup2", "devpts"];

/**
 * Mount points of external mounts, which are bound from the host, as the container sees them. The container has
 * made the others: file systems that the host has not mounted, its root, and binds of these.
 */
export function externalMounts(inside: readonly MountInfo[], host: readonly MountInfo[]): string[] {
  const onHost = new Set(host.map(({ device }) => device));
  const root = inside.find(({ target }) => target === "/");
  const own = new Set<string>();
  for (const mount of inside) {
    // The root of a cgroup mount is the container's cgroup, since it is seen from outside of the cgroup namespace.
    if ((mount.root !== "/" && mount.type !== "cgroup2") || mount === root) continue;
    if (KERNEL.includes(mount.type) || !onHost.has(mount.device)) own.add(mount.device);
  }
  const ofRoot = ({ device, root: path }: MountInfo) =>
    device === root?.device && (root.root === "/" || path === root.root || path.startsWith(`${root.root}/`));
  return inside
    .filter((mount) => mount !== root && !own.has(mount.device) && !ofRoot(mount))
    .map(({ target }) => target);
}

/** Name of the file with the list of external mounts, beside CRIU's images. */
export const MOUNTS_FILE = "mounts.json";

/**
 * External mounts for a dump, as pairs of mount point and name. The name is the mount point, as in runc, or
 * /dev/null for a masked file.
 */
export function dumpMounts(pid: number): Pair[] {
  const inside = parseMountInfo(readText(`/proc/${pid}/mountinfo`));
  const host = parseMountInfo(readText("/proc/self/mountinfo"));
  return externalMounts(inside, host).map((target) => {
    const stat = tryStat(`/proc/${pid}/root${target}`, true);
    const isNull =
      typeof stat !== "number" &&
      (stat.mode & S.IFMT) === S.IFCHR &&
      stat.rdevMajor === 1 &&
      stat.rdevMinor === 3;
    return { key: checkMountPoint(target), val: isNull ? "/dev/null" : target };
  });
}

/**
 * Checks a mount point whose name a container or its image could choose, before CRIU gets it. CRIU writes
 * "mnt[KEY]:VALUE" and parses it again, so the text after a "]:" in the key would be mounted (CVE-2026-119101,
 * CVE-2026-115520, CVE-2026-119614). Throws a BrunError.
 */
export function checkMountPoint(path: string): string {
  if (!path.includes("]:") && !path.split("/").includes("..")) return path;
  throw new BrunError(`cannot name the mount point ${quoted(path)} to CRIU`, {
    hint: 'a path with "]:" or ".." in it could be taken for another mount: mount it elsewhere',
  });
}

/**
 * Sources of the external mounts for a restore. They come from the config. A mount below one of them (rbind) has
 * the same path below that mount's source, and a symbolic link there is not followed, since the container may have
 * made it. Throws a BrunError.
 */
export function restoreMounts(names: readonly string[], configured: readonly Pair[]): Pair[] {
  const pairs = new Map<string, string>([["/dev/null", "/dev/null"]]);
  for (const { key, val } of configured) pairs.set(checkMountPoint(key), val);
  for (const name of names) {
    if (pairs.has(checkMountPoint(name))) continue;
    const above = configured
      .filter(({ key }) => name.startsWith(`${key}/`))
      .sort((a, z) => z.key.length - a.key.length)[0];
    if (above !== undefined) pairs.set(name, below(above.val, name.slice(above.key.length)));
  }
  return [...pairs].map(([key, val]) => ({ key, val }));
}

function below(source: string, path: string): string {
  const directory = tryOpen(source, O.PATH | O.DIRECTORY);
  const found = openat2(directory, path.slice(1), O.PATH, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
  if (directory >= 0) close(directory);
  if (found >= 0) close(found);
  if (found === -E.ELOOP)
    throw new BrunError(`${source}${path} is a symbolic link now, or below one`, {
      hint: "it was a mount when the container was checkpointed: mount it again",
    });
  return `${source}${path}`;
}
