import { describe, expect, test } from "bun:test";
import type { Result } from "./check.ts";
import { complaint, counts, judge, table } from "./verdict.ts";

const result = (runtime: string, passed: boolean, check = "runs"): Result => ({
  client: "podman",
  as: "user",
  check,
  runtime,
  passed,
  seconds: 1,
  log: "+ podman run\nError: no such device\n",
});

describe("judge", () => {
  test("what brun passes has passed, whatever the peers did", () => {
    expect(judge([result("brun", true), result("crun", false)])[0]).toMatchObject({ verdict: "passed" });
  });

  test("what brun fails and a peer passes has failed", () => {
    const results = [result("brun", false), result("crun", false), result("runc", true)];
    expect(judge(results)[0]).toMatchObject({ verdict: "failed", reason: undefined });
  });

  test("what nobody passes is skipped, in the words of a peer", () => {
    const results = [result("brun", false), result("runc", false)];
    expect(judge(results)[0]).toMatchObject({
      verdict: "skipped",
      reason: "no runtime passes here: runc: Error: no such device",
    });
  });

  test("a client that is not installed is skipped with that reason", () => {
    const missing = { ...result("brun", false), missing: "docker is not installed" };
    expect(judge([missing])[0]).toMatchObject({ verdict: "skipped", reason: "docker is not installed" });
  });

  test("without peers a failure is a failure", () => {
    expect(judge([result("brun", false)])[0]).toMatchObject({ verdict: "failed" });
  });
});

test("the complaint is the last line that is no trace", () => {
  expect(complaint("+ a\nfirst\nlast\n++ b\n\n")).toBe("last");
  expect(complaint("+ a\n")).toBe("it printed nothing");
});

test("the table names who passed, and ends with the reasons", () => {
  const rows = judge([
    result("brun", true, "one"),
    result("runc", false, "one"),
    result("brun", false, "two"),
    result("runc", false, "two"),
  ]);
  expect(table(rows, ["brun", "crun", "runc"])).toBe(`
podman as user  brun  crun  runc
  one           yes   -     NO
  two           NO    -     NO    skipped

skipped:
  podman as user: two: no runtime passes here: runc: Error: no such device
`);
  expect(counts(rows)).toBe("1 passed, 0 failed, 1 skipped");
});
