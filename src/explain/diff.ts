/** Differences of two texts by lines, as diff -u prints them. */
import { structuredPatch } from "diff";

/**
 * The unified diff of two texts; empty when they are the same. Whether the last line is ended does not count.
 * @param names of the two, for the head lines
 */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string {
  const { hunks } = structuredPatch(...names, ended(before), ended(after), "", "", { context: 3 });
  const texts = hunks.map(
    ({ oldStart, oldLines, newStart, newLines, lines }) =>
      `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@\n${lines.map((line) => `${line}\n`).join("")}`,
  );
  return texts.length === 0 ? "" : `--- ${names[0]}\n+++ ${names[1]}\n${texts.join("")}`;
}

function ended(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
