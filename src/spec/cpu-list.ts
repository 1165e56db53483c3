/** Lists of CPUs or memory nodes: "0-3,7" (cpuset(7), "List format"). */

/** The largest number that runc accepts. */
const LARGEST = 65536;

/**
 * The numbers of a list, ascending and without duplicates; null if the text is no list. As in runc, spaces around
 * elements and empty elements are allowed, but not a list without any number.
 */
export function parseCpuList(text: string): number[] | null {
  const numbers = new Set<number>();
  for (const element of text.split(",")) {
    const trimmed = element.trim();
    if (trimmed === "") continue;
    const range = /^([0-9]+)(?:-([0-9]+))?$/.exec(trimmed);
    if (range === null) return null;
    const first = Number(range[1]);
    const last = Number(range[2] ?? first);
    if (first > last || last > LARGEST) return null;
    for (let n = first; n <= last; n++) numbers.add(n);
  }
  return numbers.size === 0 ? null : [...numbers].sort((a, b) => a - b);
}
