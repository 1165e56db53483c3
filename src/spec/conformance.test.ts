import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CONFORMANCE } from "./conformance.ts";
import { SpecSchema } from "./spec.ts";
import { schemaPaths } from "./testing/paths.ts";

/** Sections for other platforms, which the schema leaves out. */
const FOREIGN = ["windows", "vm", "solaris", "zos", "freebsd"];

/** Sections with arbitrary keys, which the code takes as they are (src/init/time.ts). */
const TAKEN = new Set(["monotonic", "boottime"]);

test("the table has each field of the schema, and no other", () => {
  expect([...CONFORMANCE.keys()].sort()).toEqual([...schemaPaths(SpecSchema), ...FOREIGN].sort());
});

test("what is ignored or refused has a reason, and texts are clauses", () => {
  for (const [path, { status, note, rootless }] of CONFORMANCE) {
    if (status !== "works") expect(note, path).toBeString();
    for (const text of [note, rootless]) expect(text ?? "none", path).toMatch(/^\S.*[^.]$/);
  }
});

test("what is said to work is read by the code that would do it", () => {
  const root = `${import.meta.dir}/../..`;
  const files = [...new Bun.Glob("src/{cgroup,config,container,init,seccomp}/**/*.ts").scanSync(root)];
  const code = files
    .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
    .map((file) => readFileSync(`${root}/${file}`, "utf8"))
    .join("\n");
  const words = new Set(code.match(/\w+/g));
  const unread = [...CONFORMANCE]
    .filter(([, { status }]) => status === "works")
    .flatMap(([path]) => path.split(/[.[\]*]+/).filter((word) => word !== "" && !words.has(word)));
  expect([...new Set(unread)].filter((word) => !TAKEN.has(word))).toEqual([]);
});
