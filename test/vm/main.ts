/**
 * `npm run test:vm`: boots a Debian system in QEMU and runs test suites in it, at each place where brun finds
 * cgroups in another way (suites.ts, suites.sh). Arguments choose other suites: "root-systemd=./test/exec.test.ts", or
 * "all".
 * Ends with a line "N passed, N failed, N skipped".
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { type Case, parseReport, unexplained } from "../../scripts/report.ts";
import { compile } from "../support/compiled.ts";
import { ALL, leftOut, SUITES } from "./suites.ts";

const ROOT = realpathSync(`${import.meta.dir}/../..`);
const WORK = `${ROOT}/.cache/vm`;
/** Seconds that a suite may take, where the machine has little of a CPU. */
const SUITE_S = 300;

/** Why there can be no machine here, or null. */
function obstacle(): string | null {
  if (process.arch !== "x64") return `the machine is amd64, and this is ${process.arch}`;
  if (!/^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"))) {
    return "its disk is made from the apt sources of a Debian system, and this is none";
  }
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  for (const [tool, pkg] of [
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["mmdebstrap", "mmdebstrap"],
    ["mke2fs", "e2fsprogs"],
    ["dpkg-deb", "dpkg"],
  ] as const) {
    if (Bun.which(tool, { PATH: path }) === null) return `${tool} is missing: apt-get install ${pkg}`;
  }
  return null;
}

/** Copies what the suites need of the checkout into one folder. */
function stage(): string {
  const folder = `${WORK}/share`;
  rmSync(WORK, { recursive: true, force: true });
  const copy = (from: string, to: string): void =>
    cpSync(realpathSync(from), `${folder}/${to}`, { recursive: true });
  for (const name of ["src", "rootless", "nsenter", "test", "examples", "scripts", "docs", "dist/brun"]) {
    copy(`${ROOT}/${name}`, `brun/${name}`);
  }
  for (const file of ["package.json", "bunfig.toml", "tsconfig.json"])
    copy(`${ROOT}/${file}`, `brun/${file}`);
  for (const name of ["citty", "consola", "valibot"]) {
    copy(`${ROOT}/node_modules/${name}`, `brun/node_modules/${name}`);
  }
  // There is no compiler in the machine.
  for (const source of new Bun.Glob("test/**/*.c").scanSync(ROOT)) {
    compile(`${ROOT}/${source}`, `${folder}/brun/${source.replace(/\.c$/, "")}`);
  }
  copy(process.execPath, "bin/bun");
  return folder;
}

/** Says how it ended, to whoever reads the output and to .ci/run; ends this process. */
function finish(passed: number, failed: number, skipped: number): never {
  const line = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  writeFileSync(`${ROOT}/.cache/vm-counts.txt`, `${line}\n`);
  console.log(line);
  process.exit(failed === 0 ? 0 : 1);
}

mkdirSync(`${ROOT}/.cache`, { recursive: true });
const reason = obstacle();
if (reason !== null) {
  console.log(`the virtual machine is skipped: ${reason}`);
  finish(0, 0, 1);
}
const asked = process.argv.slice(2);
const everything = asked[0] === "all";
const suites = everything ? ALL : asked.length === 0 ? SUITES : asked;
if (everything) for (const line of leftOut()) console.log(line);
// Of the test that nothing stays, at each place.
const runs = Number(process.env.BRUN_TEST_RUNS ?? (everything ? 1000 : 10));
const share = stage();
const out = `${WORK}/out`;
mkdirSync(out, { recursive: true });
const machine = Bun.spawnSync(
  [
    ...[
      "bash",
      `${import.meta.dir}/run.sh`,
      "--user",
      "root",
      "--time",
      "--timeout",
      `${SUITE_S * suites.length + 8 * runs}`,
    ],
    ...["--env", `BRUN_TEST_RUNS=${runs}`],
    ...["--share", `${share}/brun`, "--share", `${share}/bin`, "--out", out],
    ...[`${import.meta.dir}/suites.sh`, ...suites],
  ],
  { stdio: ["ignore", "inherit", "inherit"] },
);
rmSync(share, { recursive: true, force: true });
const reports = readdirSync(out).filter((name) => name.endsWith(".xml"));
const cases: Case[] = reports.flatMap((name) => {
  const all = parseReport(readFileSync(`${out}/${name}`, "utf8"));
  // What a pattern of names leaves out is reported as skipped.
  const filtered = suites[Number(/-(\d+)\.xml$/.exec(name)?.[1]) - 1]?.includes(",-t,");
  return filtered ? all.filter(({ result }) => result !== "skipped") : all;
});
const count = (result: Case["result"]): number => cases.filter((c) => c.result === result).length;
const missing = unexplained(cases, readFileSync(`${ROOT}/test/skips.txt`, "utf8"));
for (const name of missing) console.log(`skipped without a reason in test/skips.txt: ${name}`);
let failed = count("failed") + missing.length;
// A machine that did not come to its end: the reports of some suites are missing.
if (failed === 0 && (machine.exitCode !== 0 || reports.length !== suites.length)) failed = 1;
finish(count("passed"), failed, count("skipped") - missing.length);
