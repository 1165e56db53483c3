import { expect, test } from "bun:test";
import { CONFORMANCE } from "./conformance.ts";
import { SpecSchema } from "./spec.ts";

interface Node {
  readonly type: string;
  readonly wrapped?: Node;
  readonly item?: Node;
  readonly value?: Node;
  readonly entries?: Readonly<Record<string, Node>>;
}

/** Paths of the schema's leaves, as conformance.ts writes them. */
function leaves(node: Node, path: string): string[] {
  if (node.type === "optional") return leaves(node.wrapped!, path);
  if (node.type === "array") return leaves(node.item!, `${path}[]`);
  if (node.type === "record" && node.value?.type === "object") return leaves(node.value, `${path}.*`);
  if (node.type !== "object") return [path];
  return Object.entries(node.entries!).flatMap(([key, entry]) =>
    leaves(entry, path === "" ? key : `${path}.${key}`),
  );
}

/** Sections for other platforms, which the schema leaves out. */
const FOREIGN = ["windows", "vm", "solaris", "zos", "freebsd"];

test("the table has each field of the schema, and no other", () => {
  const fields = leaves(SpecSchema as unknown as Node, "");
  expect([...CONFORMANCE.keys()].sort()).toEqual([...fields, ...FOREIGN].sort());
});

test("what is ignored or refused has a reason, and texts are clauses", () => {
  for (const [path, { status, note, rootless }] of CONFORMANCE) {
    if (status !== "works") expect(note, path).toBeString();
    for (const text of [note, rootless]) expect(text ?? "none", path).toMatch(/^\S.*[^.]$/);
  }
});
