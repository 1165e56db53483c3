import { describe, expect, test } from "bun:test";
import { blkioToIoWeight, limitText, pidsText, sharesToWeight, swapAlone } from "./convert.ts";

describe("cpu.shares to cpu.weight", () => {
  const cases = [
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 2],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262143, 10000],
    [262144, 10000],
    [999999, 10000],
  ] as const;
  for (const [shares, weight] of cases) {
    test(`${shares} is ${weight}`, () => expect(sharesToWeight(shares)).toBe(weight));
  }
  test("is monotone and stays in range", () => {
    let last = 0;
    for (let shares = 2; shares <= 262144; shares = Math.ceil(shares * 1.01)) {
      const weight = sharesToWeight(shares);
      expect(weight).toBeGreaterThanOrEqual(last);
      expect(weight).toBeLessThanOrEqual(10000);
      last = weight;
    }
  });
});

test("blkio.weight to io.weight meets both ends", () => {
  expect(blkioToIoWeight(0)).toBe(0);
  expect(blkioToIoWeight(10)).toBe(1);
  expect(blkioToIoWeight(11)).toBe(11);
  expect(blkioToIoWeight(500)).toBe(4950);
  expect(blkioToIoWeight(1000)).toBe(10000);
});

describe("memory and swap to swap alone", () => {
  const M = 1048576;
  const cases: [number | bigint | undefined, number | bigint | undefined, bigint | undefined][] = [
    [undefined, undefined, undefined],
    [undefined, M, undefined],
    [0, M, undefined],
    [undefined, -1, -1n],
    [-1, M, -1n],
    [-1, undefined, -1n],
    [2 * M, -1, BigInt(2 * M)],
    [M, M, 0n],
    [3 * M, M, BigInt(2 * M)],
    [2n ** 62n, 2n ** 61n, 2n ** 61n],
  ];
  for (const [swap, limit, expected] of cases) {
    test(`swap ${swap} limit ${limit}`, () => expect(swapAlone(swap, limit)).toBe(expected));
  }
  test("refuses what does not fit", () => {
    expect(() => swapAlone(M, undefined)).toThrow("needs a memory limit");
    expect(() => swapAlone(M, 0)).toThrow("needs a memory limit");
    expect(() => swapAlone(M, 2 * M)).toThrow("less than the memory limit");
    expect(() => swapAlone(M, -2)).toThrow("no limit");
  });
});

test("limits as text", () => {
  expect(limitText(undefined)).toBeNull();
  expect(limitText(0)).toBeNull();
  expect(limitText(-1)).toBe("max");
  expect(limitText(9223372036854771712n)).toBe("9223372036854771712");
  expect(pidsText(-1)).toBe("max");
  expect(pidsText(0)).toBe("1");
  expect(pidsText(0n)).toBe("1");
  expect(pidsText(32)).toBe("32");
});
