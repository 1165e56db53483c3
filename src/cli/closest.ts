/** Finds the known word that a user may have meant. */

/**
 * The nearest known word, if it is near enough: at most one letter of three differs (two swapped letters count as one), or one word
 * begins with the other, in three letters or more. Undefined otherwise.
 */
export function closest(typed: string, words: readonly string[]): string | undefined {
  const most = Math.min(3, Math.floor(typed.length / 3));
  let best: string | undefined;
  let least = most + 1;
  for (const word of words) {
    const steps = distance(typed, word);
    if (steps < least) [best, least] = [word, steps];
  }
  const begun = words.filter((word) => typed.length >= 3 && word.startsWith(typed));
  const shortest = begun.reduce((a, b) => (b.length < a.length ? b : a), begun[0] ?? "");
  // "mem" is --memory, whatever else begins with "memory".
  const isOne = begun.length > 0 && begun.every((word) => word.startsWith(shortest));
  if (isOne || (best !== undefined && begun.length > 0)) return isOne ? shortest : begun[0];
  return best ?? words.find((word) => word.length >= 3 && typed.startsWith(word));
}

/** Edit distance: inserted, deleted, replaced, and swapped letters (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const other = a[i - 1] === b[j - 1] ? 0 : 1;
      let steps = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + other);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        steps = Math.min(steps, before[j - 2]! + 1);
      row.push(steps);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
