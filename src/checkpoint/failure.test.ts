import { expect, test } from "bun:test";
import { reasonsIn } from "./failure.ts";

test("of CRIU's log the first error is shown, and the last ones", () => {
  const log = [
    "(00.001) Version: 3.17.1",
    "(00.002) Error (criu/a.c:1): the first.",
    "(00.003) 12: Error (criu/b.c:2): between",
    "(00.003) 12: Error (criu/b.c:3): between too",
    "(00.004) Error (criu/c.c:4): nearly last",
    "(00.005) Error (criu/cr-dump.c:5): Dumping FAILED.",
  ];
  expect(reasonsIn(log.join("\n"))).toEqual(["the first", "nearly last", "Dumping FAILED"]);
});

test("without an error the last lines are shown", () => {
  const log = "(00.001) one\n(00.002) two\n(00.003) three\n(00.004) four: no such thing\n";
  expect(reasonsIn(log)).toEqual(["two", "three", "four: no such thing"]);
  expect(reasonsIn("")).toEqual([]);
});
