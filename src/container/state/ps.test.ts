/** The machine's processes are looked at once for several containers. */
import { expect, test } from "bun:test";
import { watchCalls } from "../../sys/ffi.ts";
import { processStat } from "./process.ts";
import { Processes, processesOf } from "./ps.ts";
import type { StoredState } from "./store.ts";

function callsOf(act: () => void): number {
  let calls = 0;
  watchCalls(() => {
    calls++;
  });
  try {
    act();
  } finally {
    watchCalls(null);
  }
  return calls;
}

test("processes of a second container cost no second look at the machine", () => {
  const child = Bun.spawn(["sleep", "1000"]);
  try {
    const { startTime } = processStat(process.pid)!;
    const state = { id: "one", pid: process.pid, startTime } as StoredState;
    const all = new Processes();
    const found: number[][] = [];
    const look = () => callsOf(() => found.push(processesOf(state, all)));
    const [first, second] = [look(), look()];
    expect(found[0]).toContain(child.pid);
    expect(found[0]![0]).toBe(process.pid);
    expect(found[1]).toEqual(found[0]!);
    // Whether it lives, and its pid namespace.
    expect(second).toBeLessThan(10);
    expect(first).toBeGreaterThan(second);
    // Another look finds what has started meanwhile.
    const later = Bun.spawn(["sleep", "1000"]);
    expect(processesOf(state, all)).not.toContain(later.pid);
    expect(processesOf(state)).toContain(later.pid);
    later.kill();
  } finally {
    child.kill();
  }
});
