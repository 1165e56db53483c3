import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CONFORMANCE } from "../src/spec/conformance.ts";
import { conformanceText, FILE } from "./conformance.ts";

test("docs/spec-conformance.md is what `bun scripts/conformance.ts` writes", () => {
  expect(readFileSync(FILE, "utf8")).toBe(conformanceText());
});

test("each field is there once", () => {
  const fields = [...conformanceText().matchAll(/`([^`]+)`(?=<br>| \|)/g)].map(([, field]) => field!);
  expect(fields.sort()).toEqual([...CONFORMANCE.keys()].sort());
});
