import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describeProgram } from "../plan/describe.ts";
import { recordedPrograms, StandardInit } from "./standard.ts";
import { configFor, goldenCases, plain } from "./testing/golden.ts";

/** Compares with src/init/golden/NAME.txt; BRUN_GOLDEN=write writes it instead. */
function golden(name: string, text: string): void {
  const file = `${import.meta.dir}/golden/${name}.txt`;
  if (process.env.BRUN_GOLDEN === "write" || !existsSync(file)) {
    if (process.env.CI) throw new Error(`${file} is missing`);
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, "utf8"));
}

for (const { name, title, programs } of goldenCases) {
  test(`init compiles to the program in the golden file: ${title}`, () => {
    golden(
      name,
      programs()
        .map((program) => describeProgram(program.ops))
        .join("\n"),
    );
  });
}

test("recording changes nothing in the bytes", () => {
  const config = configFor(plain(true), {});
  const init = new StandardInit(config);
  const bytes = [init.enter().bytes, init.build().bytes, init.finish(null).bytes];
  expect(recordedPrograms(config, null).map((p) => p.bytes)).toEqual(bytes);
});

test("a NUL byte in a string is refused", () => {
  const spec = plain(true);
  spec.process!.args = ["a\0b"];
  expect(() => recordedPrograms(configFor(spec, {}), null)).toThrow(RangeError);
});
