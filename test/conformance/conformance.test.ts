/** The conformance suite against brun, or what RUNTIME names. */
import { describe, expect, test } from "bun:test";
import { CONFORMANCE } from "../../src/spec/conformance.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { CASES } from "./cases.ts";

test("each field has a case, and each case is about fields", () => {
  const covered = new Set(CASES.flatMap(({ fields }) => fields));
  expect([...CONFORMANCE.keys()].filter((field) => !covered.has(field))).toEqual([]);
  expect([...covered].filter((field) => !CONFORMANCE.has(field))).toEqual([]);
  const names = CASES.map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    for (const { name, only, lacks, run } of CASES) {
      if (only !== undefined && only !== subject.caller.name) continue;
      const reason = lacks?.(subject);
      if (reason !== undefined) {
        test.skip(`${name} (not here: ${reason})`, () => undefined);
        continue;
      }
      test(name, async () => {
        await using box = new Sandbox(subject);
        await run(box);
      });
    }
  });
}
