/** Runs a sample of `npm run fuzz`. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readPax } from "../tar/pax.ts";
import { TarError, TarReader } from "../tar/reader.ts";
import { tryReference } from "./fuzz-reference.ts";
import { tryArchive } from "./fuzz-tar.ts";
import { Random } from "./random.ts";
import { headerBlock, padded, tarOf } from "./tar.ts";

const SEED = Number(process.env.BRUN_FUZZ_SEED ?? Date.now() % 1_000_000);

test(`archives by chance, from seed ${SEED}`, () => {
  const said = new Set<string>();
  for (let i = 0; i < 3000; i++) said.add(tryArchive(new Random(SEED, i)));
  // Most archives are read to different points.
  expect(said.size).toBeGreaterThan(1000);
});

test(`names by chance, from seed ${SEED}`, () => {
  const said = new Set<string>();
  for (let i = 0; i < 5000; i++) said.add(tryReference(new Random(SEED, i)));
  expect([...said].filter((name) => /^[\w.:[\]-]+\/\S+$/.test(name)).length).toBeGreaterThan(500);
});

const ignore = { entry() {}, data() {}, end() {} };

test("bytes that are no archive at all", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      const reader = new TarReader(ignore);
      try {
        reader.feed(bytes);
        reader.finish();
      } catch (error) {
        expect(error).toBeInstanceOf(TarError);
      }
      try {
        readPax(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(TarError);
      }
    }),
    { numRuns: 500 },
  );
});

/**
 * Archives that would take hours if the cost of each piece, block or record grew with the number of those
 * before it.
 */
test.each([
  [
    "a long name that comes byte by byte",
    () =>
      Buffer.concat([
        headerBlock({ path: "x", type: "L" }, 1 << 20),
        new Uint8Array(1 << 20).fill(0x61),
        tarOf([{ path: "a" }]),
      ]),
    1,
  ],
  [
    "a sparse map of a megabyte, block by block",
    () => {
      const map = `130000\n${"0\n0\n".repeat(130_000)}`;
      const pax = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "0" };
      return tarOf(Array.from({ length: 8 }, () => ({ path: "a", data: padded(Buffer.from(map)), pax })));
    },
    4096,
  ],
  [
    "a sparse map of a megabyte of records",
    () => {
      const records = "23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=0\n".repeat(20_000);
      return Buffer.concat([
        headerBlock({ path: "x", type: "x" }, records.length),
        padded(Buffer.from(records)),
        tarOf([{ path: "a" }]),
      ]);
    },
    4096,
  ],
] as const)("%s", (_, make, piece) => {
  const archive = make();
  let entries = 0;
  const reader = new TarReader({ ...ignore, entry: () => entries++ });
  const begin = performance.now();
  for (let at = 0; at < archive.length; at += piece) reader.feed(archive.subarray(at, at + piece));
  reader.finish();
  expect(entries).toBeGreaterThan(0);
  // It takes a tenth of a second to two seconds. The limit leaves room for slow machines.
  expect(performance.now() - begin).toBeLessThan(20_000);
});

test("global headers are few", () => {
  const records = Array.from({ length: 5000 }, (_, i) => `14 key${`${i}`.padStart(5, "0")}=x\n`);
  const archive = (from: number, count: number) => {
    const text = records.slice(from, from + count).join("");
    return Buffer.concat([headerBlock({ path: "g", type: "g" }, text.length), padded(Buffer.from(text))]);
  };
  const read = (...parts: Uint8Array[]) => {
    const reader = new TarReader(ignore);
    for (const part of parts) reader.feed(part);
  };
  read(archive(0, 200), archive(0, 200));
  expect(() => read(archive(0, 200), archive(200, 200))).toThrow("global headers have too many records");
});
