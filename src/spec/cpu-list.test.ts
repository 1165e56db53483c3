import { expect, test } from "bun:test";
import { parseCpuList } from "./cpu-list.ts";

test.each([
  ["0", [0]],
  ["0-3", [0, 1, 2, 3]],
  ["7,0-2,1", [0, 1, 2, 7]],
  ["    , 1   , 3  ,  5-7,    ", [1, 3, 5, 6, 7]],
  ["65536", [65536]],
  ["", null],
  [",", null],
  ["-", null],
  ["1-", null],
  ["-3", null],
  ["54-53", null],
  ["1 - 2", null],
  ["65537", null],
  ["0-65537", null],
  ["0x1", null],
])("%j", (text, numbers) => {
  expect(parseCpuList(text)).toEqual(numbers);
});
