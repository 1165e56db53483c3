/** Patterns of names in which a star stands for any text; nsenter/front/entries.c has the same rules. */

/** A function that tells whether a name matches one of the patterns. */
export function matcher(patterns: readonly string[]): (name: string) => boolean {
  const plain = new Set<string>();
  const stars: (readonly string[])[] = [];
  for (const pattern of patterns) {
    if (pattern.includes("*")) stars.push(pattern.split("*"));
    else plain.add(pattern);
  }
  return (name) => plain.has(name) || stars.some((parts) => hasInOrder(name, parts));
}

/** Whether a name begins with the first part, has the others in their order, and ends with the last. */
function hasInOrder(name: string, parts: readonly string[]): boolean {
  const end = parts.length - 1;
  if (!name.startsWith(parts[0]!)) return false;
  let at = parts[0]!.length;
  for (let i = 1; i < end; i++) {
    const found = name.indexOf(parts[i]!, at);
    if (found < 0) return false;
    at = found + parts[i]!.length;
  }
  return name.length - parts[end]!.length >= at && name.endsWith(parts[end]!);
}
