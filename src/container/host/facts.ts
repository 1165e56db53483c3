/** Gathers the facts about the host on which the plan depends: the only part of compiling that does I/O. */

import { splitCgroupLine } from "../../cgroup/proc-cgroup.ts";
import type { CgroupPlan } from "../../config/cgroup-plan.ts";
import type { CgroupBind, HostFacts, ProcessFacts, Source } from "../../config/types.ts";
import {
  exists,
  fileSystem,
  fileType,
  hardLimit,
  hasTerminal,
  readlink,
  readTextIfThere,
} from "../../host/ask.ts";
import { asking } from "../../host/recorder.ts";
import type { Process, Spec } from "../../spec/index.ts";
import { FS_MAGIC, RLIMITS } from "../../sys/constants.ts";
import { SysError } from "../../sys/error.ts";
import { absolute, S } from "../../sys/fs.ts";
import { any, each, mapped } from "../../sys/lists.ts";
import { terminalSize } from "../io/terminal.ts";
import { lackingCalls } from "./lacking-calls.ts";

/** Hard limits of this process by name. */
export function hardLimits(types: readonly string[]): Map<string, bigint> {
  const limits = new Map<string, bigint>();
  for (const type of types) {
    const number = (RLIMITS as readonly string[]).indexOf(type);
    const limit = number < 0 ? null : hardLimit(number);
    if (limit !== null) limits.set(type, limit);
  }
  return limits;
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

/** The facts on which the last steps of a process depend. */
export function processFacts(process: Process): ProcessFacts {
  return {
    terminalSize: process.terminal && hasTerminal() ? asking(terminalSize) : null,
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
  const type = fileType(path, nofollow);
  if (type < 0) return -type;
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

/** The name of a hierarchy's directory in /sys/fs/cgroup. */
function hierarchyLabel(name: string): string {
  if (name === "") return "unified";
  return name.startsWith("name=") ? name.slice(5) : name;
}

/** Each v1 hierarchy (and the unified one of a hybrid host) with the container's cgroup in it, otherwise the caller's. */
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
    if (!exists(`${base}${hierarchy.path}`)) continue;
    binds.push({ name, source: `${base}${ownNamespace ? hierarchy.path : path}` });
  }
  return binds;
}
