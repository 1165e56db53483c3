import { expect, test } from "bun:test";
import { parseSamples, quantile, summarise } from "./statistics.ts";

test("quantiles interpolate", () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([1, 2], 0.5)).toBe(1.5);
  expect(quantile([1, 2, 3, 4, 5], 0.95)).toBeCloseTo(4.8);
  expect(quantile([7], 0.95)).toBe(7);
});

test("the timer's lines become samples and a summary with the ratio of pairs", () => {
  const samples = parseSamples(
    "a\t2000000\t500\t1500\t100\t7\nb\t1000000\t1\t1\t50\t1\na\t4000000\t500\t500\t200\t9\nb\t4000000\t1\t1\t50\t1\n",
  );
  expect(summarise("a", samples.get("a")!, samples.get("b")!)).toEqual({
    name: "a",
    median: 3,
    min: 2,
    p95: 3.9,
    p99: 3.98,
    cpu: 1.5,
    rss: 200,
    faults: 8,
    ratio: 1.5,
  });
  expect(summarise("b", samples.get("b")!).ratio).toBeUndefined();
});
