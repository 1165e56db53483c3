/** Reads the reports of `bun test`. */

export interface Case {
  /** "file > describe > test". */
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code === undefined ? (ENTITIES[name] ?? whole) : String.fromCodePoint(Number(code)),
  );
}

function attribute(tag: string, name: string): string {
  return decodeEntities(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

/** The test cases of a JUnit report. The describe blocks around a case are the suites it stands in. */
export function parseReport(xml: string): Case[] {
  const cases: Case[] = [];
  const suites: string[] = [];
  let open: { name: string; result: Case["result"] } | undefined;
  for (const [tag, name] of xml.matchAll(/<(\/?\w+)[^>]*>/g)) {
    const closed = tag.endsWith("/>");
    if (name === "testsuite" && !closed) suites.push(attribute(tag, "name"));
    if (name === "/testsuite") suites.pop();
    if (name === "testcase")
      open = { name: [...suites, attribute(tag, "name")].join(" > "), result: "passed" };
    if (open !== undefined && (name === "failure" || name === "error")) open.result = "failed";
    if (open !== undefined && name === "skipped") open.result = "skipped";
    if (open !== undefined && (name === "/testcase" || (name === "testcase" && closed))) {
      cases.push(open);
      open = undefined;
    }
  }
  return cases;
}

/** The number before `word` in the summary that bun prints at the end (" 3 fail"), 0 without one. */
export function countOf(log: string, word: "pass" | "fail"): number {
  const plain = Bun.stripANSI(log);
  const matches = [...plain.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))];
  return Number(matches.at(-1)?.[1] ?? 0);
}

/**
 * Names of the skipped cases that no line of the skip list explains.
 * @param list lines "pattern | reason", where * in the pattern stands for anything; # starts a comment; "BUILD: " before a
 *   line makes it one of that build of brun alone
 * @param build the build that was tested
 */
export function unexplained(cases: readonly Case[], list: string, build = "brun"): string[] {
  const patterns = list
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => /^(?:([\w-]+): )?(.*)$/.exec(line)!)
    .filter(([, of]) => of === undefined || of === build)
    .map(([, , line]) => {
      const [pattern, reason] = line!.split(" | ");
      if (!reason?.trim()) throw new Error(`test/skips.txt: no reason in: ${line}`);
      const parts = pattern!
        .trim()
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
      return new RegExp(`^${parts.join(".*")}$`);
    });
  return cases
    .filter((c) => c.result === "skipped" && !patterns.some((pattern) => pattern.test(c.name)))
    .map((c) => c.name);
}

/** How many tests may fail in a whole run and pass when their files are run once more. */
const SECOND_CHANCES = 3;

/** The files with failed tests that are run again; null if more tests have failed than a busy machine explains. */
export function filesToRepeat(cases: readonly Case[]): string[] | null {
  const failed = cases.filter((c) => c.result === "failed");
  if (failed.length > SECOND_CHANCES) return null;
  return [...new Set(failed.map((c) => c.name.slice(0, c.name.indexOf(" > "))))];
}

/** Cases with the results that the failed ones had in a second run, and the names of those that passed in it. */
export function withSecondRun(first: readonly Case[], second: readonly Case[]): [Case[], string[]] {
  const passed = new Set(second.filter((c) => c.result === "passed").map((c) => c.name));
  const mended = first.filter((c) => c.result === "failed" && passed.has(c.name)).map((c) => c.name);
  const cases = first.map((c) => (mended.includes(c.name) ? { ...c, result: "passed" as const } : c));
  return [cases, mended];
}
