/**
 * Chooses the ids of a new user namespace if the config gives none. More than one id needs newuidmap and
 * newgidmap, which do not work everywhere. A container that needs only its root works without them.
 */

import { BrunError } from "../src/errors.ts";
import type { UsernsMode } from "../src/modes.ts";
import { each, mapped } from "../src/sys/lists.ts";
import { type Caller, ownMaps } from "./caller.ts";
import { findHelper, lacksPrivilege } from "./find-helper.ts";
import { type DefaultMaps, defaultMaps, type IdMap, isMapped, keepIdMaps } from "./idmap.ts";
import type { SubidRange, Subids } from "./subid.ts";

/** The input of the choice. */
export interface IdsInput {
  readonly caller: Caller;
  readonly mode: UsernsMode;
  /** Reads the caller's subordinate ids; called only if they are needed. */
  readonly subids: () => Subids;
  /** Why the ranges cannot be mapped, or null: {@link rangesObstacle}. */
  readonly obstacle: (subids: Subids) => string | null;
  /** Whether the container needs other ids than its root. */
  readonly needsMore: boolean;
  /** Whether the caller is root with too few capabilities for a container without a user namespace. */
  readonly lesserRoot: boolean;
}

/** The maps, and the reason if they are smaller than possible. */
export interface ChosenIds extends DefaultMaps {
  readonly obstacle: string | null;
}

const NONE: Subids = { uid: [], gid: [] };

/** Chooses the ids. Throws a BrunError if `mode` asks for ranges that cannot be mapped. */
export function chooseIds(input: IdsInput): ChosenIds {
  const { caller, mode, subids, obstacle, needsMore } = input;
  const { uid, gid } = caller;
  if (input.lesserRoot && caller.privileged && mode === "auto") {
    // Such a root may map the ids that it has itself.
    return { ...identity(ownMaps()), obstacle: null };
  }
  if (mode === "single") return { ...defaultMaps(uid, gid, [], []), obstacle: null };
  const ranges = subids();
  const missing = ranges.uid.length === 0 || ranges.gid.length === 0;
  const why = missing ? null : obstacle(ranges);
  if (mode !== "auto") {
    if (missing || why !== null) throw withoutRanges(mode, why ?? "the caller has no subordinate ids");
    if (mode === "range") return { ...defaultMaps(uid, gid, ranges.uid, ranges.gid), obstacle: null };
    const maps = keepIdMaps(uid, gid, ranges.uid, ranges.gid);
    return { maps, origins: originsOf(maps, ranges), obstacle: null };
  }
  const used = why !== null && !needsMore ? NONE : ranges;
  return { ...defaultMaps(uid, gid, used.uid, used.gid), obstacle: used === NONE ? why : null };
}

function withoutRanges(mode: UsernsMode, why: string): BrunError {
  return new BrunError(`more than one id cannot be mapped: ${why}`, {
    where: `--userns=${mode}`,
    hint: "--userns=single maps the caller's own id alone; `brun doctor` says what helps",
  });
}

function originsOf(maps: DefaultMaps["maps"], ranges: Subids): DefaultMaps["origins"] {
  const of = (map: readonly IdMap[], list: readonly SubidRange[]) =>
    mapped(map, ({ hostId }) => {
      let origin = "caller";
      each(list, (r) => {
        if (hostId >= r.start && hostId < r.start + r.size) ({ origin } = r);
      });
      return origin;
    });
  return { uid: of(maps.uid, ranges.uid), gid: of(maps.gid, ranges.gid) };
}

/** Maps each id to itself. */
function identity(own: DefaultMaps["maps"]): DefaultMaps {
  const same = (map: readonly IdMap[]): IdMap[] =>
    mapped(map, ({ containerId, size }) => ({ containerId, hostId: containerId, size }));
  const maps = { uid: same(own.uid), gid: same(own.gid) };
  return { maps, origins: { uid: mapped(maps.uid, () => "root"), gid: mapped(maps.gid, () => "root") } };
}

/** Why newuidmap and newgidmap cannot map a caller's ranges here, or null. Some reasons show only when they run. */
export function rangesObstacle(caller: Caller, ranges: Subids): string | null {
  if (caller.privileged) return null;
  const own = ownMaps();
  for (const kind of ["uid", "gid"] as const) {
    for (const { start, size, origin } of ranges[kind]) {
      if (isMapped(own[kind], start) && isMapped(own[kind], start + size - 1)) continue;
      return `the ids of ${origin} are not mapped in the user namespace that brun is in`;
    }
  }
  for (const name of ["newuidmap", "newgidmap"] as const) {
    try {
      const lack = lacksPrivilege(findHelper(name));
      if (lack !== null) return lack.cause;
    } catch (error) {
      if (error instanceof BrunError) return error.text;
      throw error;
    }
  }
  return null;
}
