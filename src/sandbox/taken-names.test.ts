/** When names that were taken are given back. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { NameKeeper } from "./taken-names.ts";

test("they are given back after a program that had ended before its end could be waited for", () => {
  const directory = mkdtempSync(`${tmpdir()}/brun-taken-`);
  using _ = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  const taken = (["directory", "socket", "link", "commondir"] as const).map((kind) => ({
    directory,
    name: kind,
    kind,
  }));
  const keeper = new NameKeeper({ placed: [], taken, files: [] });
  expect(readdirSync(directory).sort()).toEqual(taken.map(({ name }) => name).sort());
  // It has been reaped, as brun reaps a container's process that ends at once.
  keeper.watch(Bun.spawnSync(["true"]).pid, "1");
  keeper.end();
  expect(readdirSync(directory)).toEqual([]);
});
