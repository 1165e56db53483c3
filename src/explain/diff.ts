/** Line differences of two texts, in the format of diff -u. */
import { structuredPatch } from "diff";

/**
 * The unified diff of two texts; empty if they are the same. A newline at the very end does not count.
 * @param names the names of the two in the head lines
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
