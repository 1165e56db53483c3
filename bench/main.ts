/**
 * `npm run bench [-- [--rounds N] [--write-docs] [NAME=PATH…] [case…]]`: brun beside crun, runc and bubblewrap, in
 * pairs that alternate within one run, as an unprivileged user. Prints tables and the goals that are missed, writes
 * bench/out/bench.json and pictures beside it, and with --write-docs the tables and pictures of docs/performance.md: of
 * some cases, their tables alone. NAME=PATH measures another program: crun=PATH instead of the installed crun,
 * and with a name of your own (before=PATH, youki=PATH) one more runtime with runc's command line.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import type { Case } from "./case.ts";
import { CASES } from "./cases.ts";
import { memoryOf } from "./memory.ts";
import { writeReadme } from "./readme.ts";
import {
  memoryTable,
  missed,
  pictures,
  type Report,
  type Result,
  syscallTable,
  table,
  updateDocs,
  updateSome,
} from "./report.ts";
import { Stand } from "./setup.ts";
import { parseSamples, summarise } from "./statistics.ts";
import { syscallsOf } from "./syscalls.ts";

const WARM_UP = 5;
const ROOT = `${import.meta.dir}/..`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "100" }, "write-docs": { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: not a number of rounds: ${values.rounds}`);
const named: Record<string, string> = {};
const keys: string[] = [];
for (const word of positionals) {
  const [name, path] = word.split(/=(.*)/s);
  if (path === undefined) keys.push(word);
  else if (/^[a-z0-9.-]+$/.test(name!) && statSync(path, { throwIfNoEntry: false })?.isFile())
    named[name!] = path;
  else throw new Error(`${word}: expected NAME=PATH of a program, in small letters`);
}
if (values["write-docs"] && Object.keys(named).length > 0)
  throw new Error("--write-docs: the tables of the docs are of installed runtimes; leave NAME=PATH out");
const chosen = CASES.filter(({ key }) => keys.length === 0 || keys.includes(key));
for (const key of keys) {
  if (!CASES.some((c) => c.key === key))
    throw new Error(`no case '${key}': ${CASES.map((c) => c.key).join(", ")}`);
}

function measure(stand: Stand, one: Case): Result {
  const { key, title, goal, point, copies = 1, everyNth = 1, prepare, finish } = one;
  const jobs = prepare(stand);
  const times = one.rounds ?? Math.max(3, Math.round(rounds / everyNth));
  try {
    const lines: string[] = [];
    for (const [name, commands] of jobs) {
      lines.push(`job\t${name}\t${copies}`);
      for (const { timed, argv } of commands) lines.push([timed ? "timed" : "untimed", ...argv].join("\t"));
    }
    const warmUp = everyNth > 1 ? 1 : WARM_UP;
    const text = stand.output([`${stand.dir}/timer`, `${times}`, `${warmUp}`], `${lines.join("\n")}\n`);
    const samples = parseSamples(text);
    const names = [...jobs.keys()].sort();
    const missing = names.filter((name) => !samples.has(name));
    if (missing.length > 0) throw new Error(`${key}: ${missing.join(", ")} not measured`);
    const reference = samples.get("crun");
    const summaries = names.map((name) =>
      summarise(name, samples.get(name)!, reference, samples.get(`${name}/copy`)),
    );
    return { key, title, goal, copies, point, rounds: times, summaries };
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

using stand = new Stand(named);
const versions: Record<string, string> = {};
for (const [name, path] of Object.entries(stand.programs)) versions[name] = version(stand, path);
const results: Result[] = [];
for (const one of chosen) {
  results.push(measure(stand, one));
  console.log(`\n${table(results.at(-1)!)}`);
}
const all = keys.length === 0;
const report: Report = {
  rounds,
  machine: `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Linux ${release()}`,
  versions,
  results,
  memory: all ? memoryOf(stand) : [],
  syscalls: all ? syscallsOf(stand) : [],
};
if (report.memory.length > 0) console.log(`\n${memoryTable(report.memory)}`);
if (report.syscalls.length > 0) console.log(`\n${syscallTable(report.syscalls)}`);
for (const goal of missed(results)) console.log(`goal missed: ${goal}`);
mkdirSync(`${ROOT}/bench/out`, { recursive: true });
writeFileSync(`${ROOT}/bench/out/bench.json`, `${JSON.stringify(report, null, 2)}\n`);
const drawn = pictures(results);
for (const [file, picture] of drawn) writeFileSync(`${ROOT}/bench/out/${file}`, picture);
if (values["write-docs"]) {
  // Pictures are of all cases.
  if (all) for (const [file, picture] of drawn) writeFileSync(`${ROOT}/docs/${file}`, picture);
  const path = `${ROOT}/docs/performance.md`;
  const before = readFileSync(path, "utf8");
  writeFileSync(path, all ? updateDocs(before, report) : updateSome(before, results));
  writeReadme();
}
