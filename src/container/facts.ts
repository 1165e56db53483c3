/** Gathers what the program depends on from the host: the only part of compiling that does I/O. */

import { splitCgroupLine } from "../cgroup/proc-cgroup.ts";
import type { CgroupPlan } from "../config/cgroup-plan.ts";
import type { CgroupBind, HostFacts, ProcessFacts, Source } from "../config/types.ts";
import type { Process, Spec } from "../spec/index.ts";
import { FS_MAGIC, RLIMITS } from "../sys/constants.ts";
import { SysError } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { absolute, O, readlink, readTextIfThere, S, tryStat, tryWriteExisting } from "../sys/fs.ts";
import { any, each, filtered, mapped } from "../sys/lists.ts";
import { lackingCalls } from "./lacking-calls.ts";
import { terminalSize } from "./terminal.ts";

/** Soft and hard limits of this process by name. */
export function currentRlimits(types: readonly string[]): Map<string, readonly [bigint, bigint]> {
  const limits = new Map<string, readonly [bigint, bigint]>();
  const buffer = new BigUint64Array(2);
  for (const type of types) {
    const number = (RLIMITS as readonly string[]).indexOf(type);
    if (number >= 0 && syscall(NR.prlimit64, 0, number, 0, buffer) === 0) {
      limits.set(type, [buffer[0]!, buffer[1]!]);
    }
  }
  return limits;
}

const OOM_SCORE_ADJ = "/proc/self/oom_score_adj";

/**
 * This process's oom_score_adj, or a lower one that is wanted and that the kernel allows: how far back it goes without
 * CAP_SYS_RESOURCE it does not tell (proc_pid_oom_score_adj(5)), so that it is tried.
 */
export function lowestOomScoreAdj(wanted: number): number {
  const own = Number(readTextIfThere(OOM_SCORE_ADJ) ?? "0");
  if (wanted >= own || tryWriteExisting(OOM_SCORE_ADJ, `${wanted}`) !== 0) return own;
  tryWriteExisting(OOM_SCORE_ADJ, `${own}`);
  return wanted;
}

/** Everything that {@link HostFacts} names. */
export function gatherFacts(spec: Spec, bundle: string, cgroup: CgroupPlan | null): HostFacts {
  const hasCgroupMount = any(spec.mounts, (m) => m.type === "cgroup" || m.type === "cgroup2");
  const cgroup2 = !hasCgroupMount || fileSystem("/sys/fs/cgroup") === FS_MAGIC.CGROUP2;
  return {
    ...processFacts(spec.process!),
    sources: bindSources(spec, bundle),
    cgroup2,
    cgroupBinds: cgroup2 ? [] : cgroupHierarchies(spec, cgroup),
  };
}

/** What the last steps of a process depend on. */
export function processFacts(process: Process): ProcessFacts {
  const uid = process.user?.uid ?? 0;
  return {
    terminalSize: process.terminal ? terminalSize() : null,
    ownStdio: uid === 0 ? [] : ownStdio(),
    lacking: lackingCalls(),
  };
}

function bindSources(spec: Spec, bundle: string): Map<number, Source | number> {
  const sources = new Map<number, Source | number>();
  each(spec.mounts ?? [], (mount, i) => {
    const { options } = mount;
    const bind = mount.type === "bind" || any(options, (o) => o === "bind" || o === "rbind");
    if (bind) sources.set(i, bindSource(absolute(mount.source ?? "", bundle), options ?? []));
  });
  return sources;
}

function bindSource(path: string, options: readonly string[]): Source | number {
  const copiesLink = options.includes("copy-symlink");
  const nofollow =
    copiesLink || any(options, (o) => o === "src-nofollow" || o === "src-nosymlinks" || o === "from-root");
  const stat = tryStat(path, nofollow);
  if (typeof stat === "number") return -stat;
  const type = stat.mode & S.IFMT;
  if (type === S.IFLNK && copiesLink) return linkOf(path);
  return type === S.IFDIR ? "dir" : "file";
}

function linkOf(path: string): Source | number {
  try {
    return { link: readlink(path) };
  } catch (error) {
    // It has been replaced since.
    if (error instanceof SysError) return error.errno;
    throw error;
  }
}

/** f_type of the file system at a path, 0 when there is none. */
export function fileSystem(path: string): number {
  const statfs = new Uint32Array(30);
  return syscall(NR.statfs, cstr(path), statfs) === 0 ? statfs[0]! : 0;
}

/** The name of a hierarchy's directory in /sys/fs/cgroup. */
function hierarchyLabel(name: string): string {
  if (name === "") return "unified";
  return name.startsWith("name=") ? name.slice(5) : name;
}

/** Each v1 hierarchy (and the unified one of a hybrid host) with the container's cgroup in it, else our own. */
function cgroupHierarchies(spec: Spec, cgroup: CgroupPlan | null): CgroupBind[] {
  if (cgroup !== null) {
    return mapped(Object.keys(cgroup.paths), (name) => ({
      name: hierarchyLabel(name),
      source: cgroup.paths[name]!,
    }));
  }
  const ownNamespace = any(spec.linux?.namespaces, (n) => n.type === "cgroup" && !n.path);
  const binds: CgroupBind[] = [];
  for (const line of (readTextIfThere("/proc/self/cgroup") ?? "").split("\n")) {
    const hierarchy = splitCgroupLine(line);
    if (hierarchy === null) continue;
    const name = hierarchyLabel(hierarchy.name);
    const path = ownNamespace || hierarchy.path === "/" ? "" : hierarchy.path;
    const base = `/sys/fs/cgroup/${name}`;
    if (typeof tryStat(`${base}${hierarchy.path}`) === "number") continue;
    binds.push({ name, source: `${base}${ownNamespace ? hierarchy.path : path}` });
  }
  return binds;
}

/** Which of stdin, stdout and stderr are pipes, sockets, or files to write to: a device is never given away. */
function ownStdio(): number[] {
  return filtered([0, 1, 2], (fd) => {
    const stat = tryStat(`/proc/self/fd/${fd}`);
    if (typeof stat === "number") return false;
    const type = stat.mode & S.IFMT;
    return type === S.IFIFO || type === S.IFSOCK || (type === S.IFREG && isWritable(fd));
  });
}

const F_GETFL = 3;
const O_ACCMODE = 3;

/** Whether a descriptor is open for writing. */
function isWritable(fd: number): boolean {
  const flags = syscall(NR.fcntl, fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) !== O.RDONLY;
}
