/** Differences of two texts by lines, as diff -u prints them (Myers, "An O(ND) difference algorithm", 1986). */

/** A line that is in both texts (" "), only in the first ("-") or only in the second ("+"). */
interface Edit {
  readonly sign: " " | "-" | "+";
  readonly line: string;
}

const CONTEXT = 3;

/**
 * The unified diff of two texts; empty when they are the same.
 * @param names of the two, for the head lines
 */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string {
  const edits = editScript(lines(before), lines(after));
  const hunks = hunkRanges(edits).map(([start, end]) => hunk(edits, start, end));
  return hunks.length === 0 ? "" : `--- ${names[0]}\n+++ ${names[1]}\n${hunks.join("")}`;
}

function lines(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

/** The shortest list of edits that makes `b` of `a`. */
function editScript(a: readonly string[], b: readonly string[]): Edit[] {
  const trace = shortestPath(a, b);
  const edits: Edit[] = [];
  let [x, y] = [a.length, b.length];
  for (let d = trace.length - 1; d >= 0; d--) {
    const reached = trace[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && at(reached, k - 1) < at(reached, k + 1));
    const fromX = d === 0 ? 0 : at(reached, down ? k + 1 : k - 1);
    const fromY = d === 0 ? 0 : fromX - (down ? k + 1 : k - 1);
    const [startX, startY] = d === 0 ? [0, 0] : down ? [fromX, fromY + 1] : [fromX + 1, fromY];
    while (x > startX && y > startY) {
      edits.push({ sign: " ", line: a[--x]! });
      y--;
    }
    if (d > 0) edits.push(down ? { sign: "+", line: b[fromY]! } : { sign: "-", line: a[fromX]! });
    [x, y] = [fromX, fromY];
  }
  return edits.reverse();
}

/** How far each diagonal reaches with 0, 1, … edits, before each of them. */
function shortestPath(a: readonly string[], b: readonly string[]): Map<number, number>[] {
  const reach = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let d = 0; ; d++) {
    trace.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && at(reach, k - 1) < at(reach, k + 1));
      let x = down ? at(reach, k + 1) : at(reach, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return trace;
    }
  }
}

function at(reach: ReadonlyMap<number, number>, diagonal: number): number {
  return reach.get(diagonal) ?? -1;
}

/** Parts of the edits that change something, with lines around them: [start, end). */
function hunkRanges(edits: readonly Edit[]): [number, number][] {
  const ranges: [number, number][] = [];
  edits.forEach(({ sign }, i) => {
    if (sign === " ") return;
    const [start, end] = [Math.max(0, i - CONTEXT), Math.min(edits.length, i + CONTEXT + 1)];
    const last = ranges.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = end;
    else ranges.push([start, end]);
  });
  return ranges;
}

function hunk(edits: readonly Edit[], start: number, end: number): string {
  const count = (part: readonly Edit[], without: string) => part.filter((e) => e.sign !== without).length;
  const before = edits.slice(0, start);
  const part = edits.slice(start, end);
  const range = (without: string) => `${count(before, without) + 1},${count(part, without)}`;
  const body = part.map(({ sign, line }) => `${sign}${line}\n`).join("");
  return `@@ -${range("+")} +${range("-")} @@\n${body}`;
}
