/**
 * `npm run bench [-- [--rounds N] [--write-docs] [case…]]`: brun beside crun, runc and bubblewrap, in pairs that
 * alternate within one run, as an unprivileged user. Prints a table, writes bench/out/bench.json, and with
 * --write-docs the tables of docs/performance.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { CASES, type Case } from "./cases.ts";
import { createdMemory, type Memory } from "./memory.ts";
import { type Report, table, updateDocs } from "./report.ts";
import { Stand } from "./setup.ts";
import { parseSamples, type Summary, summarise } from "./statistics.ts";

const WARM_UP = 5;
const ROOT = `${import.meta.dir}/..`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "100" }, "write-docs": { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: not a number of rounds: ${values.rounds}`);
const chosen = CASES.filter(({ key }) => positionals.length === 0 || positionals.includes(key));
for (const key of positionals) {
  if (!CASES.some((c) => c.key === key))
    throw new Error(`no case '${key}': ${CASES.map((c) => c.key).join(", ")}`);
}

function measure(stand: Stand, { key, prepare, finish }: Case): Summary[] {
  const jobs = prepare(stand);
  try {
    const lines: string[] = [];
    for (const [name, commands] of jobs) {
      lines.push(`job\t${name}`);
      for (const { timed, argv } of commands) lines.push([timed ? "timed" : "untimed", ...argv].join("\t"));
    }
    const text = stand.output([`${stand.dir}/timer`, `${rounds}`, `${WARM_UP}`], `${lines.join("\n")}\n`);
    const samples = parseSamples(text);
    if (samples.size !== jobs.size) throw new Error(`${key}: ${samples.size} of ${jobs.size} were measured`);
    const reference = samples.get("crun");
    return [...samples.keys()].sort().map((name) => summarise(name, samples.get(name)!, reference));
  } finally {
    finish?.(stand);
  }
}

function version(stand: Stand, path: string): string {
  return stand
    .output([path, "--version"])
    .split("\n")[0]!
    .replace(/^\w+ (version )?/, "");
}

using stand = new Stand();
const versions: Record<string, string> = {};
for (const [name, path] of Object.entries(stand.programs)) versions[name] = version(stand, path);
const results: Report["results"] = [];
for (const one of chosen) {
  const summaries = measure(stand, one);
  results.push({ key: one.key, title: one.title, goal: one.goal, summaries });
  console.log(`\n${table(results.at(-1)!)}`);
}
const memory: Memory[] = positionals.length === 0 ? createdMemory(stand) : [];
const report: Report = {
  rounds,
  machine: `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Linux ${release()}`,
  versions,
  results,
  memory,
};
for (const { name, rss, pss, privateMemory } of memory) {
  console.log(`created container under ${name}: RSS ${rss} KB, PSS ${pss} KB, private ${privateMemory} KB`);
}
mkdirSync(`${ROOT}/bench/out`, { recursive: true });
writeFileSync(`${ROOT}/bench/out/bench.json`, `${JSON.stringify(report, null, 2)}\n`);
if (values["write-docs"]) {
  const path = `${ROOT}/docs/performance.md`;
  writeFileSync(path, updateDocs(readFileSync(path, "utf8"), report));
}
