import { expect, test } from "bun:test";
import { bitMask, ioPriorityValue, schedulerAttributes } from "./placement.ts";

test("struct sched_attr has every field in its place", () => {
  const view = new DataView(
    schedulerAttributes({
      policy: "SCHED_DEADLINE",
      nice: -3,
      priority: 9,
      flags: ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"],
      runtime: 1,
      deadline: 2n ** 40n,
      period: 3,
    }).buffer,
  );
  expect(view.getUint32(0, true)).toBe(56);
  expect(view.getUint32(4, true)).toBe(6);
  expect(view.getBigUint64(8, true)).toBe(6n);
  expect(view.getInt32(16, true)).toBe(-3);
  expect(view.getUint32(20, true)).toBe(9);
  expect([24, 32, 40].map((at) => view.getBigUint64(at, true))).toEqual([1n, 2n ** 40n, 3n]);
});

test("ioprio_set's value has the class above the priority", () => {
  expect(ioPriorityValue({ class: "IOPRIO_CLASS_RT", priority: 4 })).toBe(0x2004);
  expect(ioPriorityValue({ class: "IOPRIO_CLASS_IDLE", priority: 0 })).toBe(0x6000);
});

test("bit masks grow by words", () => {
  expect([...bitMask([0, 3])]).toEqual([9n]);
  expect([...bitMask([63, 64, 130])]).toEqual([1n << 63n, 1n, 4n]);
});
