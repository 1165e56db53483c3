/** The order of mounts: mounts of flags, and covers of hidden places. */
import type { Placed } from "./mounts.ts";
import { within } from "./places.ts";

/**
 * Orders the mounts of flags, those with shorter destinations first, and inserts the covers. A cover follows
 * the last --rw that contains its place; without one it precedes all mounts. So `--tmpfs ~ --rw ~/project`
 * shows only the project, and `-v ~/.ssh:~/.ssh` shows a secret. A cover is left out if a mount of another
 * flag hides its place.
 * @param asked of two mounts of equal depth the later one lies over the earlier one
 * @param placeOf the place of a destination, without symbolic links
 */
export function ordered(
  asked: readonly Placed[],
  covers: readonly Placed[],
  placeOf: (destination: string) => string,
): Placed[] {
  const sorted = asked
    .map((placed) => ({ placed, place: placeOf(placed.mount.destination) }))
    .sort((a, b) => depth(a.place) - depth(b.place));
  const above = new Map<number, Placed[]>();
  for (const cover of covers) {
    const place = placeOf(cover.mount.destination);
    const at = sorted.findLastIndex((one) => hides(one.placed) && within(one.place, place));
    if (at >= 0 && !isReal(sorted[at]!.placed)) continue;
    above.set(at, [...(above.get(at) ?? []), cover]);
  }
  return [...(above.get(-1) ?? []), ...sorted.flatMap(({ placed }, i) => [placed, ...(above.get(i) ?? [])])];
}

function depth(place: string): number {
  return place.split("/").length;
}

/** A tmpfs that begins with a copy must copy the covers, and not what they cover. */
function hides({ mount }: Placed): boolean {
  return !mount.options?.includes("tmpcopyup");
}

function isReal({ origin }: Placed): boolean {
  return origin === "writable";
}
