/**
 * What is loaded before a command can begin. A chunk costs some 30 µs; a static import of a Node module in it 0.3 to 4 ms
 * at every start, also when the code that wants it never runs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { chunks } from "../../scripts/bundle.ts";

let outdir: string;
let loaded: readonly string[];
let local: readonly string[];
let text: string;
beforeAll(async () => {
  outdir = mkdtempSync("/tmp/brun-bundle-");
  await Bun.build({ ...(await chunks()), outdir });
  loaded = [...collect("./main.js")];
  local = loaded.filter((path) => path.startsWith("./"));
  text = local.map((path) => readFileSync(`${outdir}/${path}`, "utf8")).join("");
});
afterAll(() => rmSync(outdir, { recursive: true }));

/** A chunk with all that it imports statically, directly or not. */
function collect(file: string, found = new Set<string>()): Set<string> {
  found.add(file);
  if (!file.startsWith("./")) return found;
  const { imports } = new Bun.Transpiler({ loader: "js" }).scan(readFileSync(`${outdir}/${file}`, "utf8"));
  for (const { path, kind } of imports) {
    if (kind === "import-statement" && !found.has(path)) collect(path, found);
  }
  return found;
}

test("two chunks are loaded, nothing of Node, citty, consola or valibot", () => {
  expect(local).toHaveLength(2);
  expect(loaded.filter((path) => !path.startsWith("./"))).toEqual(["bun:ffi"]);
  expect(text).not.toMatch(/node_modules\/(citty|consola|valibot)\//);
});

test("no enum is an object in them: all of their members are inlined", () => {
  expect(text).not.toMatch(/\w+\[\w+\["\w+"\] = /);
});

const HOT = ["run", "create", "start", "exec", "state", "kill", "delete"];

test.each(HOT)("%s is in them", (command) => {
  expect(text).toContain(`meta: { name: "${command}", `);
});
