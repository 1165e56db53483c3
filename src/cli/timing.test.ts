import { expect, test } from "bun:test";
import { timingLine } from "./timing.ts";
import { timingChart } from "./timing-chart.ts";

test("a line for a pipe", () => {
  expect(timingLine("stage started", 5.25, 1.2)).toBe("brun: timing     5.250 ms    +1.200  stage started\n");
});

test("a chart for a terminal: bars where the phases are, none wider than the terminal", () => {
  const phases = [
    { name: "a", from: 0, to: 1 },
    { name: "bb", from: 1, to: 1.01 },
    { name: "c", from: 1.01, to: 10 },
  ];
  expect(timingChart(phases, 40).split("\n")).toEqual([
    "a       1.00 ms  ██▎",
    "bb      0.01 ms    ▏",
    "c       8.99 ms    ████████████████████▋",
    "total  10.00 ms",
    "",
  ]);
  for (const line of timingChart(phases, 60).split("\n")) expect(line.length).toBeLessThanOrEqual(60);
  expect(timingChart([], 80)).toBe("total  0.00 ms\n");
});
