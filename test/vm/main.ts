/**
 * `npm run test:vm`: boots a Debian system in QEMU and runs test suites in it, at each place where brun finds
 * cgroups in another way (suites.ts, suites.sh). Arguments choose other suites: "root-systemd=./test/exec.test.ts",
 * "root-systemd=all" for all at one place, or "all".
 * Ends with a table of the suites and a line "N passed, N failed, N skipped".
 */
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { unexplained } from "../../scripts/report.ts";
import { compile } from "../support/compiled.ts";
import { count, readResults, table } from "./results.ts";
import { leftOut, SUITES, suitesOf } from "./suites.ts";

const ROOT = realpathSync(`${import.meta.dir}/../..`);
const WORK = `${ROOT}/.cache/vm`;
/** Seconds that a suite may take, where the machine has little of a CPU; each counted run has two more. */
const SUITE_S = 900;

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
    // Files that a build beside this one is writing (NAME.PID, NAME.tmp) may be gone in a moment.
    cpSync(realpathSync(from), `${folder}/${to}`, {
      recursive: true,
      filter: (path) => !/\.(\d+|tmp)$/.test(path),
    });
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
const suites = asked.length === 0 ? SUITES : asked.flatMap(suitesOf);
for (const line of asked.flatMap(leftOut)) console.log(line);
// Of the test that nothing stays, at each place.
const all = asked.some((argument) => suitesOf(argument).length > 1);
const runs = Number(process.env.BRUN_TEST_RUNS ?? (all ? 1000 : 10));
const limit = SUITE_S + 2 * runs;
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
      `${limit * suites.length}`,
    ],
    ...["--env", `BRUN_TEST_RUNS=${runs}`, "--env", `SUITE_LIMIT=${limit}`],
    ...["--share", `${share}/brun`, "--share", `${share}/bin`, "--out", out],
    ...[`${import.meta.dir}/suites.sh`, ...suites],
  ],
  { stdio: ["ignore", "inherit", "inherit"] },
);
rmSync(share, { recursive: true, force: true });
const results = readResults(out, suites);
const cases = results.flatMap((result) => result.cases);
const missing = unexplained(cases, readFileSync(`${ROOT}/test/skips.txt`, "utf8"));
console.log(table(results));
for (const name of missing) console.log(`skipped without a reason in test/skips.txt: ${name}`);
let failed = count(cases, "failed") + missing.length;
// A machine that did not come to its end: the reports of some suites are missing.
if (failed === 0 && (machine.exitCode !== 0 || results.some((result) => result.cases.length === 0))) {
  failed = 1;
}
finish(count(cases, "passed"), failed, count(cases, "skipped") - missing.length);
