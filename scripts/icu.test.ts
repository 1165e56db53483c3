import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dropLanguages, itemsOf } from "./icu.ts";

const bun = (): Buffer => readFileSync(process.execPath);

test("English, what is no language's, and the order of the names stay; the size of the file too", () => {
  const file = bun();
  const before = itemsOf(file);
  const cleared = dropLanguages(file);
  expect(cleared).toBeGreaterThan(6_000_000);
  const names = itemsOf(file).map(({ name }) => name.replace(/^[^/]+\//, ""));
  expect(names).toEqual([...names].sort());
  for (const name of [
    "root.res",
    "en.res",
    "en_US.res",
    "zoneinfo64.res",
    "supplementalData.res",
    "nfkc.nrm",
  ])
    expect(names).toContain(name);
  for (const name of [
    "coll/root.res",
    "coll/ucadata.icu",
    "brkitr/char.brk",
    "brkitr/word.brk",
    "zone/en.res",
  ])
    expect(names).toContain(name);
  for (const name of ["de.res", "zh_Hant_TW.res", "coll/ja.res", "brkitr/thaidict.dict"]) {
    expect(names).not.toContain(name);
    expect(before.map((item) => item.name.replace(/^[^/]+\//, ""))).toContain(name);
  }
  // What stays has its data where it was.
  const whole = bun();
  for (const { name, offset } of itemsOf(file)) {
    const old = before.find((item) => item.name === name)!;
    expect(offset).toBe(old.offset);
  }
  expect(file.length).toBe(whole.length);
  // A second time there is nothing left to take.
  expect(dropLanguages(file)).toBe(0);
});

test("an executable without ICU is refused", () => {
  expect(() => dropLanguages(Buffer.from("CmnD, but no header of ICU"))).toThrow("no data of ICU");
});
