import { expect, test } from "bun:test";
import fc from "fast-check";
import { unifiedDiff } from "./diff.ts";

const names = ["a", "b"] as const;

test("the same text has no difference", () => {
  expect(unifiedDiff("x\ny\n", "x\ny\n", names)).toBe("");
});

test("a changed line with three lines around it", () => {
  const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  expect(unifiedDiff(before, before.replace("5", "five"), names)).toBe(
    "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
  );
});

test("changes far from each other are hunks of their own", () => {
  const before = Array.from({ length: 30 }, (_, i) => `${i}`).join("\n");
  const diff = unifiedDiff(before, before.replace("\n3\n", "\n").replace("\n25\n", "\n25\nnew\n"), names);
  expect(diff.match(/^@@ .*$/gm)).toEqual(["@@ -1,7 +1,6 @@", "@@ -24,6 +23,7 @@"]);
});

test("what the diff says to do makes the second text of the first", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const lines = unifiedDiff(a.join("\n"), b.join("\n"), names).split("\n").slice(2, -1);
      const result: string[] = [];
      let next = 0;
      for (const line of lines) {
        const head = /^@@ -(\d+),/.exec(line);
        if (head !== null) while (next < Number(head[1]) - 1) result.push(a[next++]!);
        else if (line[0] === "+") result.push(line.slice(1));
        else {
          expect<string | undefined>(a[next++]).toBe(line.slice(1));
          if (line[0] === " ") result.push(line.slice(1));
        }
      }
      expect([...result, ...a.slice(next)]).toEqual(b);
    }),
  );
});
