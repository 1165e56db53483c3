/**
 * Replacements of forEach, map and the like for the hot path (create, run, start, exec, state, kill, delete).
 * JavaScriptCore compiles its own at the first call of each, which takes 40 to 100 µs. A function of brun comes
 * with its bytecode and takes 4.
 */

/** Calls `use` for each element. */
export function each<T>(list: ArrayLike<T>, use: (element: T, index: number) => void): void {
  for (let i = 0; i < list.length; i++) use(list[i]!, i);
}

/** The results of `make` for each element. */
export function mapped<T, U>(list: readonly T[], make: (element: T, index: number) => U): U[] {
  const made: U[] = [];
  for (let i = 0; i < list.length; i++) made.push(make(list[i]!, i));
  return made;
}

/** The elements that `holds` is true for. */
export function filtered<T>(list: readonly T[], holds: (element: T) => boolean): T[] {
  const kept: T[] = [];
  for (let i = 0; i < list.length; i++) if (holds(list[i]!)) kept.push(list[i]!);
  return kept;
}

/** The first element that `holds` is true for. */
export function found<T>(list: readonly T[], holds: (element: T) => boolean): T | undefined {
  for (let i = 0; i < list.length; i++) if (holds(list[i]!)) return list[i]!;
  return undefined;
}

/** The last element that `holds` is true for. */
export function foundLast<T>(list: readonly T[], holds: (element: T) => boolean): T | undefined {
  for (let i = list.length - 1; i >= 0; i--) if (holds(list[i]!)) return list[i]!;
  return undefined;
}

/** Whether `holds` is true for an element. */
export function any<T>(list: readonly T[] | undefined, holds: (element: T) => boolean): boolean {
  return list !== undefined && found(list, holds) !== undefined;
}
