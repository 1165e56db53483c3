/**
 * Runs all tests, or those whose files or names the arguments pick (they go to `bun test`), and ends with a line
 * "N passed, N failed, N skipped". A skipped test must be in test/skips.txt with its reason, else it counts as
 * a failure: a test that silently never runs is worse than none.
 *
 * In a run of everything, or of whole directories, the files of at most three failed tests are run once more, alone. A test that
 * passes then counts as passed, and is named: it waits too briefly for a busy machine, or it has found a rare fault.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Case, countOf, filesToRepeat, parseReport, unexplained, withSecondRun } from "./report.ts";

const root = `${import.meta.dir}/..`;
const report = `${root}/.cache/test-report.xml`;
const TIMEOUT_MS = 60000;

interface Run {
  readonly cases: Case[];
  /** Failed tests, those of files that could not be loaded included: of these only the console knows. */
  readonly failed: number;
}

/** Runs the tests that the arguments pick, in so many workers. */
async function run(args: readonly string[], workers: number): Promise<Run> {
  rmSync(report, { force: true });
  const command = [process.execPath, "test", `--timeout=${TIMEOUT_MS}`, `--parallel=${workers}`];
  const child = Bun.spawn([...command, "--reporter=junit", `--reporter-outfile=${report}`, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
    env: { ...process.env, ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}) },
  });
  let log = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    process.stderr.write(chunk);
    log += chunk;
  }
  await child.exited;
  const cases = existsSync(report) ? parseReport(readFileSync(report, "utf8")) : [];
  const failed = Math.max(count(cases, "failed"), countOf(log, "fail"));
  return { cases, failed: failed === 0 && child.exitCode !== 0 ? 1 : failed };
}

function count(cases: readonly Case[], result: Case["result"]): number {
  return cases.filter((c) => c.result === result).length;
}

mkdirSync(`${root}/.cache`, { recursive: true });
const args = process.argv.slice(2);
// Each file in a process of one of the workers. Tests wait for a third of their time, so there is one more than processors.
let { cases, failed } = await run(args, availableParallelism() + 1);
const isWhole = args.every((arg) => statSync(`${root}/${arg}`, { throwIfNoEntry: false })?.isDirectory());
const again = isWhole && failed === count(cases, "failed") ? filesToRepeat(cases) : null;
if (again !== null && again.length > 0) {
  console.log(`once more, alone: ${again.join(" ")}`);
  const second = await run(again, 1);
  const [together, mended] = withSecondRun(cases, second.cases);
  failed -= mended.length;
  cases = together;
  for (const name of mended) console.log(`passed only when it was run again: ${name}`);
}
const skips = readFileSync(`${root}/test/skips.txt`, "utf8");
const missing = unexplained(cases, skips, process.env.BRUN_TEST_BUILD);
for (const name of missing) console.log(`skipped without a reason in test/skips.txt: ${name}`);
failed += missing.length;
const line = `${count(cases, "passed")} passed, ${failed} failed, ${count(cases, "skipped") - missing.length} skipped`;
writeFileSync(`${root}/.cache/test-counts.txt`, `${line}\n`);
console.log(line);
process.exit(failed === 0 ? 0 : 1);
