/**
 * Runs all tests, or those whose files or names the arguments pick (they go to `bun test`), and ends with a line
 * "N passed, N failed, N skipped". A skipped test must be in test/skips.txt with its reason, else it counts as
 * a failure: a test that silently never runs is worse than none.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { countOf, parseReport, unexplained } from "./report.ts";

const root = `${import.meta.dir}/..`;
const report = `${root}/.cache/test-report.xml`;
const TIMEOUT_MS = 60000;

mkdirSync(`${root}/.cache`, { recursive: true });
rmSync(report, { force: true });
const child = Bun.spawn(
  [
    ...[
      process.execPath,
      "test",
      `--timeout=${TIMEOUT_MS}`,
      // Each file in a process of one of two workers: tests wait more than they compute.
      "--parallel=2",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
    ],
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
    env: { ...process.env, ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}) },
  },
);
// The report knows nothing of a file that fails while it is loaded: the console's count does.
let log = "";
for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
  process.stderr.write(chunk);
  log += chunk;
}
await child.exited;

const cases = existsSync(report) ? parseReport(readFileSync(report, "utf8")) : [];
const count = (result: string): number => cases.filter((c) => c.result === result).length;
const missing = unexplained(cases, readFileSync(`${root}/test/skips.txt`, "utf8"));
for (const name of missing) console.log(`skipped without a reason in test/skips.txt: ${name}`);
let failed = Math.max(count("failed"), countOf(log, "fail")) + missing.length;
if (failed === 0 && child.exitCode !== 0) failed = 1;
const line = `${count("passed")} passed, ${failed} failed, ${count("skipped") - missing.length} skipped`;
writeFileSync(`${root}/.cache/test-counts.txt`, `${line}\n`);
console.log(line);
process.exit(failed === 0 ? 0 : 1);
