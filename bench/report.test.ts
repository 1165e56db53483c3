import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Result, updateSome } from "./report.ts";

const summary = {
  name: "brun",
  median: 2,
  min: 1,
  p95: 3,
  p99: 4,
  cpu: 1,
  rss: 1024,
  faults: 1,
  ratio: undefined,
};

const result = (title: string, median: number): Result => ({
  key: "case",
  title,
  goal: { share: 0.5, of: "peer" },
  copies: 1,
  point: undefined,
  rounds: 7,
  summaries: [
    { ...summary, median },
    { ...summary, name: "peer", median: 4 },
  ],
});

test("tables of some cases are written where they are, or before that of the memory; others stay", () => {
  const docs = readFileSync(new URL("../docs/performance.md", import.meta.url).pathname, "utf8");
  const once = updateSome(docs, [result("a new case", 3)]);
  expect(once).toContain("- a new case: at most 0.50 of peer: missed, 0.75\n");
  expect(once.indexOf("### a new case\n")).toBeLessThan(once.indexOf("### Memory\n"));
  const twice = updateSome(once, [result("a new case", 1)]);
  expect(twice).not.toContain("- a new case: ");
  expect(twice.split("### a new case\n").length).toBe(2);
  expect(twice).toContain("Goal: at most 0.50 of peer: met, 0.25. 7 rounds.");
  const without = twice.replace(/### a new case\n.*?\n\n(?=### )/s, "");
  expect(without).toBe(docs);
});

test("a missed goal that takes several lines is written as others are, and goes as a whole", () => {
  const docs = readFileSync(new URL("../docs/performance.md", import.meta.url).pathname, "utf8");
  const title = `a new case with a name that is ${"very ".repeat(20)}long`;
  const [head] = updateSome(docs, [result(title, 3)]).split("![", 1);
  const item = `- ${title}: at most 0.50 of peer: missed, 0.75`;
  expect(head!.replace(/\n {2}/g, " ")).toContain(`${item}\n`);
  expect(head).not.toContain(item);
  const twice = updateSome(updateSome(docs, [result(title, 3)]), [result(title, 1)]);
  expect(twice.slice(0, twice.indexOf("!["))).toBe(docs.slice(0, docs.indexOf("![")));
});
