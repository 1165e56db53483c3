import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";

const ROOT = `${import.meta.dir}/..`;

/** Debian's clang comes without the libraries of its sanitizers. */
const fuzzes =
  Bun.which("clang") !== null &&
  Bun.spawnSync(["clang", "-fsanitize=fuzzer,address", "-w", "-x", "c", "-", "-o", "/dev/null"], {
    stdin: Buffer.from("int LLVMFuzzerTestOneInput(void) { return 0; }"),
  }).exitCode === 0;

/**
 * Bytes that the stage may have: what it is measured by when something is added to it. A fifth of them stands in for calls that
 * a filter refuses: openat2, and mounts by descriptor.
 */
const SIZE_BUDGET = 27776;

test("the stage keeps to its size", () => {
  expect(statSync(`${ROOT}/nsenter/build/nsenter.so`).size).toBeLessThanOrEqual(SIZE_BUDGET);
});

test.skipIf(!fuzzes)(
  "the fuzzers find nothing in a few seconds",
  () => {
    const cache = mkdtempSync(`${tmpdir()}/brun-fuzz-`);
    const argv = [process.execPath, "scripts/fuzz.ts", "--seconds", "4", "--cache", cache];
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { cwd: ROOT });
    rmSync(cache, { recursive: true });
    expect(stderr.toString()).toBe("");
    expect({ exitCode, said: exitCode === 0 ? "" : stdout.toString() }).toEqual({ exitCode: 0, said: "" });
    // Inputs are executed, and some get past the decoder and the checks of the header into the interpreter.
    for (const target of ["program", "plans"]) {
      const edges = new RegExp(`^${target}: \\d+ inputs, (\\d+) edges`, "m").exec(stdout.toString());
      expect(Number(edges?.[1])).toBeGreaterThan(200);
    }
    for (const target of ["tar", "reference"])
      expect(stdout.toString()).toMatch(
        new RegExp(`^${target}: \\d+ inputs from seed \\d+ .*nothing found$`, "m"),
      );
  },
  300_000,
);
