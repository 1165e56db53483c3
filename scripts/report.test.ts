import { expect, test } from "bun:test";
import { type Case, countOf, filesToRepeat, parseReport, unexplained, withSecondRun } from "./report.ts";

const XML = `<?xml version="1.0"?>
<testsuites name="bun test" tests="3">
  <testsuite name="a.test.ts" file="a.test.ts">
    <testcase name="plain" />
    <testsuite name="inner &amp; more">
      <testcase name="skips"><skipped /></testcase>
      <testcase name="breaks &lt;x&gt;">
        <failure type="AssertionError" message="expected&#10;">text &lt;testcase name="no"&gt;</failure>
      </testcase>
    </testsuite>
  </testsuite>
</testsuites>`;

test("a report is read with the names of its suites", () => {
  expect(parseReport(XML)).toEqual([
    { name: "a.test.ts > plain", result: "passed" },
    { name: "a.test.ts > inner & more > skips", result: "skipped" },
    { name: "a.test.ts > inner & more > breaks <x>", result: "failed" },
  ]);
});

test("the console's last summary counts", () => {
  expect(countOf(" 1 fail\n\n \u001b[31m2 fail\u001b[0m\n 3 pass\n", "fail")).toBe(2);
  expect(countOf("nothing", "fail")).toBe(0);
});

test("a skip needs a line with a reason", () => {
  const cases = parseReport(XML);
  expect(unexplained(cases, "# nothing\n")).toEqual(["a.test.ts > inner & more > skips"]);
  expect(unexplained(cases, "a.test.ts > * > skips | needs a moon\n")).toEqual([]);
  const ofOne = "brun-no-front: a.test.ts > * > skips | there is no front\n";
  expect(unexplained(cases, ofOne)).toEqual(["a.test.ts > inner & more > skips"]);
  expect(unexplained(cases, ofOne, "brun-no-front")).toEqual([]);
  expect(() => unexplained(cases, "a.test.ts > *\n")).toThrow("no reason");
});

test("few failures get a second run of their files, many do not", () => {
  const failed = (name: string): Case => ({ name, result: "failed" });
  expect(filesToRepeat(parseReport(XML))).toEqual(["a.test.ts"]);
  expect(filesToRepeat(["a > 1", "b > 2", "a > 3"].map(failed))).toEqual(["a", "b"]);
  expect(filesToRepeat(["a > 1", "a > 2", "a > 3", "a > 4"].map(failed))).toBeNull();
});

test("only what failed and then passed is taken from the second run", () => {
  const first: Case[] = [
    { name: "a > 1", result: "failed" },
    { name: "a > 2", result: "failed" },
    { name: "a > 3", result: "passed" },
  ];
  const second: Case[] = [
    { name: "a > 1", result: "passed" },
    { name: "a > 2", result: "skipped" },
    { name: "a > 3", result: "failed" },
  ];
  const [cases, mended] = withSecondRun(first, second);
  expect(cases.map((c) => c.result)).toEqual(["passed", "failed", "passed"]);
  expect(mended).toEqual(["a > 1"]);
});
