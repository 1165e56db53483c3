/**
 * Runs brun's code in a separate process, since this is about how a process was started. Without
 * a front, procfs has that.
 */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";

const SCRIPT = `
const { environment, environmentStrings, givenArguments, variable } = await import("${import.meta.dir}/environment.ts");
const strings = environmentStrings().filter((entry) => entry.includes("BRUN_TEST"));
const names = Object.keys(environment()).filter((name) => name.includes("BRUN_TEST"));
const value = variable("BRUN_TEST_A");
console.log(JSON.stringify({ given: givenArguments(), strings, names, value, none: variable("BRUN_TEST_NONE") }));`;

/** The output of the script, which bash starts with these words and variables. */
function found(words: string, variables: string): Record<string, unknown> {
  const command = `exec env -i ${variables} "$0" -e "$1" -- script ${words}`;
  const { stdout, stderr } = spawnSync("bash", ["-c", command, process.execPath, SCRIPT], {
    encoding: "utf8",
  });
  return JSON.parse(stdout || `{"stderr":${JSON.stringify(stderr)}}`);
}

test("arguments and variables that are not UTF-8 keep their bytes", () => {
  expect(
    found(
      "$'f\\xff' '' $'\\xed\\xa0\\x80' $'a\\nb' ''",
      "BRUN_TEST_A=$'\\xff' $'BRUN_TEST_\\xfe=1' BRUN_TEST_C=",
    ),
  ).toEqual({
    given: ["f\udcff", "", "\udced\udca0\udc80", "a\nb", ""],
    strings: ["BRUN_TEST_A=\udcff", "BRUN_TEST_\udcfe=1", "BRUN_TEST_C="],
    names: ["BRUN_TEST_A", "BRUN_TEST_\udcfe", "BRUN_TEST_C"],
    value: "\udcff",
  });
});

test("so does text", () => {
  // The variable is written as bytes, since \\u in bash depends on the locale.
  expect(found("ü $'\\xef\\xbf\\xbd'", "BRUN_TEST_A=$'\\xef\\xbf\\xbd'")).toEqual({
    given: ["ü", "\ufffd"],
    strings: ["BRUN_TEST_A=\ufffd"],
    names: ["BRUN_TEST_A"],
    value: "\ufffd",
  });
});
