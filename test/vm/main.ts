/**
 * `npm run test:vm`: boots a Debian system in QEMU and runs test suites in it, at each place where brun finds
 * cgroups in another way (suites.sh lists them). Arguments choose other suites: "root-systemd=./test/exec.test.ts", or
 * "all".
 * Ends with a line "N passed, N failed, N skipped".
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { type Case, parseReport, unexplained } from "../../scripts/report.ts";

const ROOT = realpathSync(`${import.meta.dir}/../..`);
const WORK = `${ROOT}/.cache/vm`;
/** Seconds that a suite may take, where the machine has little of a CPU. */
const SUITE_S = 300;

const PLACES = ["user-systemd", "user-delegated", "root-systemd", "root-cgroupfs"];

/** The life of a container where systemd has a part in it. The test of ps has a cgroupsPath in the form of cgroupfs. */
const LIFECYCLE = [
  "user-systemd=./test/lifecycle.test.ts",
  "root-systemd=./test/lifecycle.test.ts,-t,^(?!.*ps lists)",
];

/** What runs by default, chosen so that it is done in some minutes. */
const SUITES = [
  "user-systemd=./test/vm/",
  "user-delegated=./test/vm/cgroup.test.ts",
  `root-systemd=${["cgroup", "checkpoint", "apparmor", "session"].map((name) => `./test/vm/${name}.test.ts`)}`,
  // Limits by cgroupfs as root: test/cgroup.test.ts has them on every machine.
  "root-cgroupfs=./test/vm/compare.test.ts,./test/vm/delegation.test.ts",
];

/** Suites that need nothing of this very machine, and hold on a pure cgroup v2 with another kernel as well. */
const ELSEWHERE = [
  ...[
    "lifecycle",
    "exec",
    "ids",
    "isolation",
    "mounts",
    "namespaces",
    "process",
    "seccomp",
    "terminal",
    "hooks",
  ],
  ...["descriptors", "cgroup"],
].map((name) => `./test/${name}.test.ts`);

/** `npm run test:vm -- all`: every suite at every place that it fits. */
const ALL = [
  ...PLACES.map((place) => `${place}=./test/vm/`),
  ...LIFECYCLE,
  ...["user", "root"].flatMap((place) => ELSEWHERE.map((suite) => `${place}=${suite}`)),
];

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
  for (const name of ["src", "rootless", "nsenter", "test", "examples", "scripts", "dist/brun"]) {
    copy(`${ROOT}/${name}`, `brun/${name}`);
  }
  for (const file of ["package.json", "bunfig.toml", "tsconfig.json"])
    copy(`${ROOT}/${file}`, `brun/${file}`);
  for (const name of ["citty", "consola", "valibot"]) {
    copy(`${ROOT}/node_modules/${name}`, `brun/node_modules/${name}`);
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
const suites = asked.length === 0 ? SUITES : asked[0] === "all" ? ALL : asked;
const runs = asked[0] === "all" ? ["--env", "BRUN_TEST_RUNS=300"] : [];
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
      `${SUITE_S * suites.length}`,
    ],
    ...runs,
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
