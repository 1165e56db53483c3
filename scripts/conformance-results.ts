/**
 * `npm run conformance`: runs the cases of test/conformance with brun and its peers, and writes the results to
 * docs/conformance-results.md. Peers are the crun and runc that are installed, or what the arguments name:
 * "crun=/path/to/crun", several of one kind too. Results are kept in .cache; with --missing only cases are run that
 * have none. Fails when a difference has no explanation in its case.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { dirname } from "node:path";
import type { Case } from "../test/conformance/case.ts";
import { SECTIONS } from "../test/conformance/cases.ts";
import { cgroup2 } from "../test/conformance/machine.ts";
import { type Caller, callers } from "../test/support/caller.ts";
import { peerPath, type RuntimeName, subjects } from "../test/support/runtime.ts";
import { Sandbox } from "../test/support/sandbox.ts";
import { brunPath, removeWorkspace } from "../test/support/workspace.ts";

const FILE = `${import.meta.dir}/../docs/conformance-results.md`;
const KEPT = `${import.meta.dir}/../.cache/conformance.json`;
const MAX_LENGTH = 240;

/** A program under test. */
interface Program {
  readonly runtime: RuntimeName;
  readonly path: string;
  readonly version: string;
}

/** The result of a case: passed, or why it failed or was left out. */
interface Result {
  readonly mark: "✓" | "✗" | "–";
  readonly text: string;
}

function programs(args: readonly string[]): Program[] {
  const peers = args.length > 0 ? args : ["crun", "runc"];
  const named = peers.map((arg): [RuntimeName, string] => {
    const [runtime, path] = arg.split("=");
    if (runtime !== "crun" && runtime !== "runc")
      throw new Error(`expected crun or runc, =PATH, but found ${arg}`);
    return [runtime, path ?? peerPath(runtime)];
  });
  return [["brun", brunPath()] as const, ...named].map(([runtime, path]) => {
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${path} --version does not work`);
    return { runtime, path, version: stdout.split("\n")[0]!.replace(/^(\w+) version /, "$1 ") };
  });
}

/** Runs one case. */
async function result(test: Case, program: Program, caller: Caller): Promise<Result> {
  const subject = subjects([program.runtime]).find((one) => one.caller.name === caller.name)!;
  if (test.only !== undefined && test.only !== caller.name) return { mark: "–", text: "" };
  const reason = subject.unavailable ?? test.lacks?.(subject);
  if (reason !== undefined) return { mark: "–", text: reason };
  if (program.runtime !== "brun") process.env[program.runtime.toUpperCase()] = program.path;
  const box = new Sandbox(subject);
  try {
    await test.run(box);
    return { mark: "✓", text: "" };
  } catch (error) {
    return { mark: "✗", text: plain((error as Error).message, box.dir) };
  } finally {
    await box[Symbol.asyncDispose]().catch((error: Error) => console.error(`${test.name}: ${error.message}`));
  }
}

/** One line without names that only this run has. */
function plain(text: string, dir: string): string {
  const line = text
    .replaceAll(dir, "…")
    .replace(/time="[^"]*"|\d{4}-\d\d-\d\dT\S+:?/g, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
}

/** The explanation of a difference: that of a version ("crun 1.8") before that of the runtime. */
function explanation({ differs = {} }: Case, { runtime, version }: Program): string | undefined {
  const keys = Object.keys(differs).filter((key) => key === runtime || version.startsWith(key));
  const key = keys.sort((a, z) => z.length - a.length)[0];
  return key === undefined ? undefined : differs[key];
}

const args = process.argv.slice(2);
const missing = args.includes("--missing");
const all = programs(args.filter((arg) => arg !== "--missing"));
const kept: Record<string, Result> = missing ? JSON.parse(readFileSync(KEPT, "utf8")) : {};

/** The result that is kept, or that of running the case now. */
async function resultOf(test: Case, program: Program, caller: Caller): Promise<Result> {
  const key = `${program.version} as ${caller.name}: ${test.name}`;
  kept[key] ??= await result(test, program, caller);
  return kept[key];
}

const who = callers();
const lines: string[] = [];
const notes: string[] = [];
const absent = new Map<string, string[]>();
let unexplained = 0;

for (const [title, cases] of SECTIONS) {
  lines.push(`## ${title}`, "", `| | ${all.map(({ version }) => version).join(" | ")} |`);
  lines.push(`|---|${all.map(() => "---|").join("")}`);
  for (const test of cases) {
    const cells: string[] = [];
    for (const program of all) {
      const marks: string[] = [];
      const failures = new Map<string, string[]>();
      for (const caller of who) {
        const { mark, text } = await resultOf(test, program, caller);
        marks.push(mark);
        if (mark === "✗") failures.set(text, [...(failures.get(text) ?? []), caller.name]);
        if (mark === "–" && text !== "") absent.set(text, [...(absent.get(text) ?? []), test.name]);
      }
      cells.push(marks.join(" "));
      for (const [text, names] of failures) {
        const why = explanation(test, program);
        if (why === undefined) unexplained += 1;
        notes.push(
          `- *${test.name}*, ${program.version} as ${names.join(" and ")}: ${why ?? "**not explained yet**"}. It said: ` +
            `\`${text.replaceAll("`", "'")}\``,
        );
        console.log(`${why === undefined ? "UNEXPLAINED " : ""}${test.name}: ${program.version}: ${text}`);
      }
    }
    lines.push(`| ${test.name.replaceAll("|", "\\|")} | ${cells.join(" | ")} |`);
  }
  lines.push("");
}
removeWorkspace();

const machine = `Linux ${/^\d+\.\d+/.exec(release())![0]}, ${cgroup2 ? "cgroup v2" : "cgroup v1 beside v2"}, ${process.arch}`;
const text = `# Conformance results

This page compares how brun, crun and runc support the fields of config.json. Each row is a case of \`test/conformance\`, in
which a process in a container, or a hook, observes the effect of fields. Each cell has the result as
${who.map(({ name }) => name).join(" and as ")}: ✓ the effect was observed, ✗ it was not, – not tried. A test fails if a
field has no case. \`npm run conformance\` writes this page, here on ${machine}.

${lines.join("\n")}
## Differences

${notes.length === 0 ? "None." : notes.join("\n")}

## Not tried on this machine

${[...absent].map(([reason, names]) => `- ${reason}: ${[...new Set(names)].join(", ")}`).join("\n") || "Nothing."}
`;
writeFileSync(FILE, text);
mkdirSync(dirname(KEPT), { recursive: true });
writeFileSync(KEPT, JSON.stringify(kept));
console.log(`${notes.length} differences, ${unexplained} without an explanation`);
process.exit(unexplained === 0 ? 0 : 1);
