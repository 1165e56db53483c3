/** Tests which temporary files are removed. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { removeLeftTemporaries } from "./left-temporaries.ts";

test("temporary files of processes that are gone are removed, and nothing else", () => {
  const directory = mkdtempSync(`${tmpdir()}/brun-left-`);
  using _ = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  const gone = Bun.spawnSync(["true"]).pid;
  for (const name of [
    `a3.${gone}.tmp`,
    `list.${gone}.tmp`,
    `a3.${process.pid}.tmp`,
    "a3",
    "x.tmp",
    "y.0.tmp",
  ])
    writeFileSync(`${directory}/${name}`, "");
  removeLeftTemporaries(directory);
  expect(readdirSync(directory).sort()).toEqual([`a3.${process.pid}.tmp`, "a3", "x.tmp", "y.0.tmp"].sort());
});
