/** `brun doctor`. */

import { doctor, doctorStatus, type Finding } from "../doctor/doctor.ts";
import { printable } from "../printable.ts";
import { variable } from "../sys/environment.ts";
import { lazy } from "../sys/lazy.ts";
import { defineCommand } from "./command.ts";
import { isTerminal, print, printRaw } from "./output.ts";

const consolaModule = lazy<typeof import("consola/utils")>(() => require("consola/utils"));

export default defineCommand({
  meta: { name: "doctor", description: "find out whether containers without root work here" },
  args: { json: { type: "boolean", description: "print the findings as JSON" } },
  details: `It tries what containers need and leaves nothing behind. Run it as the user who runs the containers.

Exit code: 0 all is well, 1 containers run but something is missing, 2 containers do not run.

EXAMPLE
  brun doctor`,
  run({ args }) {
    const findings = doctor();
    const text = (_key: string, value: unknown) => (typeof value === "string" ? printable(value) : value);
    const shown = JSON.stringify(findings, text, 2);
    if (args.json) print(`${shown}\n`);
    else printRaw(doctorText(JSON.parse(shown), palette()));
    return doctorStatus(findings);
  },
});

type Paint = (text: string) => string;

/** The beginning of a line for each state, and the style of less important text. */
interface Palette {
  readonly ok: Paint;
  readonly warn: Paint;
  readonly fail: Paint;
  readonly dim: Paint;
}

const SYMBOLS = { ok: "✔", warn: "⚠", fail: "✖" } as const;

/** consola's colours on a terminal. */
function palette(): Palette {
  const same: Paint = (text) => text;
  if (!isTerminal(1) || variable("NO_COLOR")) return { ok: same, warn: same, fail: same, dim: same };
  const { colors } = consolaModule();
  return { ok: colors.green, warn: colors.yellow, fail: colors.red, dim: colors.gray };
}

/** The output: a line for each finding, with reason and remedy below it if there is something to do. */
function doctorText(findings: readonly Finding[], palette: Palette): string {
  const width = Math.max(...findings.map(({ id }) => id.length));
  const lines = findings.flatMap(({ id, state, what, why, fix, user }) => [
    `${palette[state](SYMBOLS[state])} ${id.padEnd(width)}  ${what}`,
    ...(state === "ok" ? [] : [palette.dim(`  ${" ".repeat(width)}  for: ${why}`)]),
    ...(fix === null ? [] : [`  ${" ".repeat(width)}  as ${user}: ${fix}`]),
  ]);
  return `${lines.join("\n")}\n\n${verdict(findings)}\n`;
}

function verdict(findings: readonly Finding[]): string {
  const count = findings.filter(({ state }) => state !== "ok").length;
  const status = doctorStatus(findings);
  if (status === 0) return "containers work here";
  return status === 1
    ? `containers work here; ${count} thing${count === 1 ? "" : "s"} could be better`
    : "containers do not work here";
}
