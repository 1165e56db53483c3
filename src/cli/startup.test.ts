/**
 * What a command loads before it can begin. A static import of a Node module in a chunk costs 0.3 to 4 ms at
 * every start, also when the code that wants it never runs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";

const HOT = ["run", "create", "start", "exec", "state", "kill", "delete"];

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync("/tmp/brun-bundle-");
  const args = ["build", `${import.meta.dir}/main.ts`, "--outdir", dir];
  const flags = ["--target=bun", "--format=esm", "--splitting"];
  const build = Bun.spawn([process.execPath, ...args, ...flags], { stdout: "pipe", stderr: "pipe" });
  expect([await build.exited, await build.stderr.text()]).toEqual([0, ""]);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** All that is imported statically, directly or not, by a chunk. */
function collect(file: string, found = new Set<string>()): Set<string> {
  const { imports } = new Bun.Transpiler({ loader: "js" }).scan(readFileSync(`${dir}/${file}`, "utf8"));
  for (const { path, kind } of imports) {
    if (kind !== "import-statement" || found.has(path)) continue;
    found.add(path);
    if (path.startsWith("./")) collect(path.slice(2), found);
  }
  return found;
}

function chunkOf(command: string): string {
  const path = new RegExp(`\\b${command}: async \\([^]*?\\bimport\\("\\./(.*?)"\\)`).exec(
    readFileSync(`${dir}/main.js`, "utf8"),
  )?.[1];
  if (path === undefined) throw new Error(`no chunk for ${command} in ${readdirSync(dir)}`);
  return path;
}

test.each(["main.js", ...HOT])("%s loads nothing of Node, citty, consola or valibot", (command) => {
  const loaded = [...collect(command === "main.js" ? command : chunkOf(command))];
  expect(loaded.filter((path) => !path.startsWith("./"))).toEqual(
    loaded.filter((path) => path === "bun:ffi"),
  );
  for (const path of loaded.filter((path) => path.startsWith("./"))) {
    expect(readFileSync(`${dir}/${path}`, "utf8")).not.toMatch(/node_modules\/(citty|consola|valibot)\//);
  }
});
