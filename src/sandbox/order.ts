/** In which order mounts are made: those that flags ask for, and what covers places that are not to be seen. */
import type { Placed } from "./mounts.ts";
import { within } from "./places.ts";

/**
 * The mounts that flags ask for, those with shorter destinations first, and each cover where it counts: over the last
 * --rw that shows its place, else below them all. So `--tmpfs ~ --rw ~/project` shows the project alone, and
 * `-v ~/.ssh:~/.ssh` a secret. A cover is left out where something of another origin lies over its place.
 * @param asked of equal depth the later one lies over the earlier
 * @param placeOf where a destination is, without symbolic links
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

/** A tmpfs that begins with what is there has to find the covers, or it begins with what they cover. */
function hides({ mount }: Placed): boolean {
  return !mount.options?.includes("tmpcopyup");
}

function isReal({ origin }: Placed): boolean {
  return origin === "writable";
}
