/** What the reports say that the suites in the test machine left behind. */
import { existsSync, readFileSync } from "node:fs";
import { type Case, parseReport } from "../../scripts/report.ts";

/** How one suite ended at one place. */
export interface Result {
  /** As suites.sh got it: "PLACE=FILE". */
  readonly suite: string;
  /** Empty when the machine ended before the suite did. */
  readonly cases: readonly Case[];
  readonly seconds: number;
}

/** How many of the cases ended in a way. */
export const count = (cases: readonly Case[], result: Case["result"]): number =>
  cases.filter((c) => c.result === result).length;

/**
 * The results of all suites, in their order.
 * @param out has the reports, PLACE-NUMBER.xml, the number counted from 1
 */
export function readResults(out: string, suites: readonly string[]): Result[] {
  return suites.map((suite, i) => {
    const file = `${out}/${suite.slice(0, suite.indexOf("="))}-${i + 1}.xml`;
    if (!existsSync(file)) return { suite, cases: [], seconds: 0 };
    const xml = readFileSync(file, "utf8");
    const all = parseReport(xml);
    // What a pattern of names leaves out is reported as skipped.
    const cases = suite.includes(",-t,") ? all.filter(({ result }) => result !== "skipped") : all;
    return { suite, cases, seconds: Number(/<testsuites [^>]*\btime="([\d.]+)"/.exec(xml)?.[1] ?? 0) };
  });
}

/** A line for each suite, a column for each count. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ suite, cases, seconds }) => {
    const [place, files] = suite.split(/=(.*)/s) as [string, string];
    const counts = (["passed", "failed", "skipped"] as const).map((result) =>
      `${count(cases, result)}`.padStart(7),
    );
    const name = files.replace(/,-t,.*/s, " (in part)").replace(/\.\/test\/|\.test\.ts/g, "");
    return `${place.padEnd(14)} ${counts.join(" ")} ${seconds.toFixed(0).padStart(6)} s  ${name}`;
  });
  return [`${"place".padEnd(14)} ${" passed  failed skipped"}     time  suite`, ...rows].join("\n");
}
