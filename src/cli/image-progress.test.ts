import { expect, test } from "bun:test";
import type { LayerState } from "../image/progress.ts";
import { summaryOf } from "./image-progress.ts";

const layer = (state: LayerState, bytes: number, size = 100e6) => ({
  state,
  bytes,
  size,
});

test.each([
  ["all is new", [layer("downloading", 20e6)], 0, 2, "20.0 MB of 100.0 MB, 10.0 MB/s, 8 s left"],
  [
    "what was there has not come",
    [layer("downloading", 60e6)],
    50e6,
    2,
    "60.0 MB of 100.0 MB, 5.0 MB/s, 8 s left",
  ],
  [
    "a push",
    [layer("uploading", 20e6), layer("packing", 90e6)],
    0,
    2,
    "20.0 MB of 200.0 MB, 10.0 MB/s, 18 s left",
  ],
  ["nothing has come yet", [layer("downloading", 50e6)], 50e6, 2, "50.0 MB of 100.0 MB"],
  ["nothing, and no time", [layer("waiting", 0)], 0, 0, "0 B of 100.0 MB"],
  [
    "several",
    [layer("done", 1), layer("waiting", 0), layer("unpacking", 5)],
    0,
    4,
    "200.0 MB of 300.0 MB, 50.0 MB/s, 2 s left",
  ],
] as const)("%s", (_, layers, before, seconds, text) => {
  expect(summaryOf(layers, before, seconds)).toBe(text);
});
