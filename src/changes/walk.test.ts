import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { changesIn } from "./walk.ts";

const root = mkdtempSync(`${tmpdir()}/brun-walk-`);
const closed = `${root}/lower/closed`;
afterAll(() => {
  chmodSync(closed, 0o700);
  rmSync(root, { recursive: true });
});

test("a place that is closed below and in which nothing was written needs no opening", () => {
  mkdirSync(closed, { recursive: true });
  mkdirSync(`${root}/upper/closed`, { recursive: true });
  writeFileSync(`${closed}/file`, "was\n");
  chmodSync(closed, 0);
  const compared = { upper: `${root}/upper`, lower: `${root}/lower`, places: ["/closed"], covers: [] };
  expect(changesIn(compared)).toEqual([]);
  writeFileSync(`${root}/upper/closed/file`, "is\n");
  // A directory that cannot be read must not make the file look new.
  if (process.geteuid!() !== 0)
    expect(() => changesIn(compared)).toThrow("open what /closed was: permission denied (EACCES)");
  chmodSync(closed, 0o700);
  expect(changesIn(compared)).toMatchObject([
    { path: "/closed/file", kind: "changed", differs: ["content"] },
  ]);
});
