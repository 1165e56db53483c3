/** Checks the id maps of a config, before the kernel or newuidmap answers EINVAL or EPERM. */

import { BrunError } from "../src/errors.ts";
import { addAsRoot, type Fix } from "../src/fix.ts";
import { each, mapped } from "../src/sys/lists.ts";
import type { Caller } from "./caller.ts";
import { type IdMap, type IdMaps, MAX_MAPS } from "./idmap.ts";
import { LAST_ID, type SubidRange, type Subids } from "./subid.ts";

/** The two kinds of ids. */
export type IdKind = "uid" | "gid";

/** The file that grants subordinate ids of a kind. */
export function subidFile(kind: IdKind): string {
  return kind === "uid" ? "/etc/subuid" : "/etc/subgid";
}

/**
 * Checks linux.uidMappings and linux.gidMappings: not empty, ids in range, no overlap on either side, and no
 * more lines than the kernel takes. Throws a BrunError that names the mapping.
 */
export function validateMaps(maps: IdMaps): void {
  for (const kind of ["uid", "gid"] as const) validateMap(maps[kind], `linux.${kind}Mappings`);
}

function validateMap(map: readonly IdMap[], where: string): void {
  if (map.length === 0) {
    throw new BrunError(`${where} maps no id`, {
      where,
      hint: `add {"containerID": 0, "hostID": YOUR_ID, "size": 1}, or leave out uidMappings and gidMappings together`,
    });
  }
  if (map.length > MAX_MAPS) {
    throw new BrunError(`${where} has ${map.length} mappings, and the kernel takes ${MAX_MAPS}`, { where });
  }
  each(map, (m, i) => {
    for (const [field, id] of [
      ["containerID", m.containerId],
      ["hostID", m.hostId],
    ] as const) {
      if (id + m.size - 1 <= LAST_ID) continue;
      throw new BrunError(`${field} ${id} with size ${m.size} goes beyond the last id, ${LAST_ID}`, {
        where: `${where}[${i}]`,
      });
    }
    if (m.size < 1)
      throw new BrunError(`${where}[${i}].size is 0, at least 1 is needed`, { where: `${where}[${i}].size` });
  });
  for (const [field, key] of [
    ["containerID", "containerId"],
    ["hostID", "hostId"],
  ] as const) {
    const sorted = mapped(map, (m, i) => ({ start: m[key], end: m[key] + m.size, i }));
    sorted.sort((a, b) => a.start - b.start || a.i - b.i);
    for (let n = 1; n < sorted.length; n++) {
      const [a, b] = [sorted[n - 1]!, sorted[n]!];
      if (b.start >= a.end) continue;
      const [first, second] = a.i < b.i ? [a, b] : [b, a];
      throw new BrunError(
        `the ${field}s ${second.start}-${second.end - 1} overlap ${first.start}-${first.end - 1} of ${where}[${first.i}]`,
        { where: `${where}[${second.i}]` },
      );
    }
  }
}

/**
 * Checks that the caller may have these maps: each line is its own id or lies in its subordinate ids
 * (newuidmap(1)). Throws a BrunError with the file and the line to add. A privileged caller may have any maps.
 */
export function validatePermitted(maps: IdMaps, caller: Caller, subids: Subids): void {
  if (caller.privileged) return;
  for (const kind of ["uid", "gid"] as const) {
    const own = caller[kind];
    each(maps[kind], (m, i) => {
      if (m.size === 1 && m.hostId === own) return;
      if (covered(m.hostId, m.size, subids[kind])) return;
      throw new BrunError(
        `${rangeText(m)} ${m.size === 1 ? "is not a" : "are not"} subordinate ${kind}${m.size === 1 ? "" : "s"} of ${ownerText(caller)}`,
        { where: `linux.${kind}Mappings[${i}]`, fix: grantFix(kind, m, caller) },
      );
    });
  }
}

/** The line to add, and the file, so that the caller may map a range: `add "dev:100000:65536" to /etc/subuid`. */
export function grantFix(kind: IdKind, m: IdMap, caller: Caller): Fix {
  const more =
    caller.userName === null
      ? `, and an entry for uid ${caller.uid} to /etc/passwd, without which newuidmap refuses`
      : "";
  return addAsRoot(`${caller.userName ?? caller.uid}:${m.hostId}:${m.size}`, subidFile(kind), more);
}

function ownerText(caller: Caller): string {
  return caller.userName === null ? `uid ${caller.uid}` : `user ${caller.userName}`;
}

function rangeText(m: IdMap): string {
  return m.size === 1 ? `host id ${m.hostId}` : `host ids ${m.hostId}-${m.hostId + m.size - 1}`;
}

/** Whether the ranges contain all ids. One range may continue another, as shadow allows. */
function covered(start: number, size: number, ranges: readonly SubidRange[]): boolean {
  const end = start + size;
  let at = start;
  while (at < end) {
    let reach = at;
    each(ranges, (s) => {
      if (s.start <= at && s.start + s.size > reach) reach = s.start + s.size;
    });
    if (reach === at) return false;
    at = reach;
  }
  return true;
}
