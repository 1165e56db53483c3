/** From how the runtimes did to what is said of brun. */
import type { Result } from "./check.ts";

/** One row of the table that is printed. */
export interface Row {
  readonly client: string;
  readonly as: string;
  readonly check: string;
  /** By runtime: whether it passed; a runtime that was not tried is not there. */
  readonly passed: Readonly<Record<string, boolean>>;
  readonly verdict: "passed" | "failed" | "skipped";
  /** Why it was skipped. */
  readonly reason: string | undefined;
}

/** The last thing that a failed check printed, without the shell's trace of its commands. */
export function complaint(log: string): string {
  const lines = log.split("\n").filter((line) => line.trim() !== "" && !/^\++ /.test(line));
  return lines.at(-1) ?? "it printed nothing";
}

/**
 * Joins the results of the runtimes. What brun fails and a peer passes is a failure, as is what brun fails where no
 * peer was tried; what nobody passes, the machine cannot do.
 */
export function judge(results: readonly Result[]): Row[] {
  const groups = Map.groupBy(results, ({ client, as, check }) => `${client}\0${as}\0${check}`);
  return [...groups.values()].map((group) => {
    const { client, as, check, missing } = group[0]!;
    if (missing !== undefined) return { client, as, check, passed: {}, verdict: "skipped", reason: missing };
    const passed = Object.fromEntries(group.map((result) => [result.runtime, result.passed]));
    const peers = group.filter(({ runtime }) => runtime !== "brun");
    const machine = peers.length > 0 && peers.every((peer) => !peer.passed);
    const verdict = passed.brun ? "passed" : machine ? "skipped" : "failed";
    const reason =
      verdict === "skipped"
        ? `no runtime passes here: ${peers.at(-1)!.runtime}: ${complaint(peers.at(-1)!.log)}`
        : undefined;
    return { client, as, check, passed, verdict, reason };
  });
}

/** The rows as a table, then what failed and what was skipped. */
export function table(rows: readonly Row[], runtimes: readonly string[]): string {
  const width = Math.max(12, ...rows.map(({ check }) => check.length));
  const lines: string[] = [];
  let title = "";
  for (const row of rows) {
    if (title !== `${row.client} as ${row.as}`) {
      title = `${row.client} as ${row.as}`;
      lines.push("", (title.padEnd(width + 4) + runtimes.map((name) => name.padEnd(6)).join("")).trimEnd());
    }
    const cells = runtimes.map((name) => {
      const passed = row.passed[name];
      return (passed === undefined ? "-" : passed ? "yes" : "NO").padEnd(6);
    });
    lines.push(
      `  ${row.check.padEnd(width + 2)}${cells.join("")}${row.verdict === "passed" ? "" : row.verdict}`.trimEnd(),
    );
  }
  const skipped = rows.filter(({ verdict }) => verdict === "skipped");
  if (skipped.length > 0) lines.push("", "skipped:");
  for (const { client, as, check, reason } of skipped)
    lines.push(`  ${client} as ${as}: ${check}: ${reason}`);
  return `${lines.join("\n")}\n`;
}

/** "N passed, N failed, N skipped". */
export function counts(rows: readonly Row[]): string {
  const count = (verdict: Row["verdict"]): number => rows.filter((row) => row.verdict === verdict).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}
