import { expect, test } from "bun:test";
import { CONFORMANCE } from "./conformance.ts";
import { SpecSchema } from "./spec.ts";
import { schemaPaths } from "./testing/paths.ts";

/** Sections for other platforms, which the schema leaves out. */
const FOREIGN = ["windows", "vm", "solaris", "zos", "freebsd"];

test("the table has each field of the schema, and no other", () => {
  expect([...CONFORMANCE.keys()].sort()).toEqual([...schemaPaths(SpecSchema), ...FOREIGN].sort());
});

test("what is ignored or refused has a reason, and texts are clauses", () => {
  for (const [path, { status, note, rootless }] of CONFORMANCE) {
    if (status !== "works") expect(note, path).toBeString();
    for (const text of [note, rootless]) expect(text ?? "none", path).toMatch(/^\S.*[^.]$/);
  }
});
