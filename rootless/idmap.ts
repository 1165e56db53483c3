/** Id maps of a user namespace (user_namespaces(7)), and the default ones of a caller. */
import { mapped } from "../src/sys/lists.ts";
import { LAST_ID, type SubidRange } from "./subid.ts";

/**
 * A range of `size` consecutive ids: it begins with `containerId` inside, and with `hostId` in the
 * caller's user namespace.
 */
export interface IdMap {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

/** The maps of users and of groups. */
export interface IdMaps {
  readonly uid: readonly IdMap[];
  readonly gid: readonly IdMap[];
}

/** The maximum number of lines in a map (Linux 4.15). */
export const MAX_MAPS = 340;

/** The text of a map has to be smaller than a page. 340 lines with long numbers do not fit. */
const PAGE = 4096;

/** The number of lines that always fit, with numbers of ten digits each. */
const FITTING = ((PAGE - 1) / 33) | 0;

/** Maps, and the origin of each line: "caller", or the origin of its range ("/etc/subuid:1"). */
export interface DefaultMaps {
  readonly maps: IdMaps;
  readonly origins: { readonly uid: readonly string[]; readonly gid: readonly string[] };
}

/**
 * The maps of a container whose config has none. 0 is the caller; 1 and up are its subordinate ids in the files'
 * order, if it has any. Ids that are the caller's or in an earlier range are left out, since the kernel refuses
 * a host id that occurs twice. A range that continues the one before extends its line. Ranges beyond the
 * kernel's limit are left out.
 */
export function defaultMaps(
  uid: number,
  gid: number,
  subuids: readonly SubidRange[],
  subgids: readonly SubidRange[],
): DefaultMaps {
  const users = defaultMap(uid, subuids);
  const groups = defaultMap(gid, subgids);
  return {
    maps: { uid: users.map, gid: groups.map },
    origins: { uid: users.origins, gid: groups.origins },
  };
}

function defaultMap(id: number, ranges: readonly SubidRange[]): { map: IdMap[]; origins: string[] } {
  const map: IdMap[] = [{ containerId: 0, hostId: id, size: 1 }];
  const origins = ["caller"];
  let next = 1;
  for (const range of ranges) {
    for (const free of subtract(range, map)) {
      const left = LAST_ID - next + 1;
      const size = free.size < left ? free.size : left;
      if (size <= 0) return { map, origins };
      const last = map[map.length - 1]!;
      if (map.length > 1 && last.hostId + last.size === free.start) {
        map[map.length - 1] = { ...last, size: last.size + size };
        origins[map.length - 1] = `${origins[map.length - 1]!.split(" to ")[0]} to ${range.origin}`;
      } else {
        const line = { containerId: next, hostId: free.start, size };
        if (!hasRoom(map, line)) return { map, origins };
        map.push(line);
        origins.push(range.origin);
      }
      next += size;
    }
  }
  return { map, origins };
}

/** Whether the map has room for a further line. */
function hasRoom(map: readonly IdMap[], line: IdMap): boolean {
  if (map.length < FITTING) return true;
  return map.length < MAX_MAPS && mapText(map).length + mapText([line]).length < PAGE;
}

/** The parts of a range whose host ids are not in a map yet, in order. */
function subtract(range: SubidRange, taken: readonly IdMap[]): { start: number; size: number }[] {
  const end = range.start + range.size;
  const parts: { start: number; size: number }[] = [];
  let start = range.start;
  for (const t of [...taken].sort((a, b) => a.hostId - b.hostId)) {
    if (t.hostId + t.size <= start) continue;
    if (t.hostId >= end) break;
    if (t.hostId > start) parts.push({ start, size: t.hostId - start });
    start = t.hostId + t.size;
  }
  if (start < end) parts.push({ start, size: end - start });
  return parts;
}

/** The caller's id for a container id; null if it is not mapped. */
export function toHost(map: readonly IdMap[], id: number): number | null {
  for (const m of map) {
    if (id >= m.containerId && id < m.containerId + m.size) return m.hostId + (id - m.containerId);
  }
  return null;
}

/** Whether a container id is mapped. */
export function isMapped(map: readonly IdMap[], id: number): boolean {
  return toHost(map, id) !== null;
}

/** Parses the text of a /proc/PID/uid_map or gid_map. */
export function parseMap(text: string): IdMap[] {
  const map: IdMap[] = [];
  for (const line of text.split("\n")) {
    const [containerId, hostId, size] = line.trim().split(/ +/);
    if (size !== undefined)
      map.push({ containerId: Number(containerId), hostId: Number(hostId), size: Number(size) });
  }
  return map;
}

/** The text of /proc/PID/uid_map or gid_map. */
export function mapText(map: readonly IdMap[]): string {
  return mapped(map, (m) => `${m.containerId} ${m.hostId} ${m.size}\n`).join("");
}

/**
 * The maps of podman's keep-id: the caller has its own ids inside, and its subordinate ids are the others from 0
 * on. If it lacks subordinate ids of either kind, the caller is alone.
 */
export function keepIdMaps(
  uid: number,
  gid: number,
  subuids: readonly SubidRange[],
  subgids: readonly SubidRange[],
): IdMaps {
  const alone = subuids.length === 0 || subgids.length === 0;
  return { uid: keepId(uid, alone ? [] : subuids), gid: keepId(gid, alone ? [] : subgids) };
}

function keepId(id: number, ranges: readonly SubidRange[]): IdMap[] {
  const map: IdMap[] = [];
  let next = 0;
  const add = (hostId: number, size: number) => {
    if (size <= 0) return;
    map.push({ containerId: next, hostId, size });
    next += size;
  };
  for (const { start, size } of ranges) {
    const below = next < id ? Math.min(size, id - next) : 0;
    add(start, below);
    if (below === size) continue;
    if (next === id) add(id, 1);
    add(start + below, size - below);
  }
  if (next <= id) map.push({ containerId: id, hostId: id, size: 1 });
  return map;
}
