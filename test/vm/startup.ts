/**
 * `npm run bench:vm`: measures in the test machine how long `run` takes when systemd makes the cgroup, for brun, crun
 * and runc in turns, and writes the table into docs/cgroups.md. Times are those of an emulated CPU: only ratios count.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const ROOT = `${import.meta.dir}/../..`;
const DOC = `${ROOT}/docs/cgroups.md`;
const ROUNDS = 9;
const RUNTIMES = ["brun", "crun", "runc"];

/** Middle value. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, z) => a - z);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const share = `${ROOT}/.cache/vm-startup`;
mkdirSync(share, { recursive: true });
copyFileSync(`${ROOT}/dist/brun`, `${share}/brun`);
const machine = Bun.spawnSync(
  [
    ...["bash", `${import.meta.dir}/run.sh`, "--timeout", "900", "--share", `${share}:brun`],
    ...[`${import.meta.dir}/startup.sh`, `${ROUNDS}`],
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
rmSync(share, { recursive: true });
if (machine.exitCode !== 0) throw new Error(`the machine ended with ${machine.exitCode}: ${machine.stdout}`);
const lines = machine.stdout.toString().trim().split("\n");
const timesOf = (place: string, runtime: string): number[] =>
  lines.filter((line) => line.startsWith(`${place} ${runtime} `)).map((line) => Number(line.split(" ")[2]));

const rows = ["root", "user"].map((place) => {
  const times = RUNTIMES.map((runtime) => timesOf(place, runtime));
  if (times.some((list) => list.length !== ROUNDS))
    throw new Error(`not all rounds came:\n${lines.join("\n")}`);
  // Of each round its own ratio: what slows the machine down slows its neighbours as well.
  const ratio = (i: number) => median(times[i]!.map((time, round) => time / times[1]![round]!)).toFixed(2);
  const cells = times.map((list, i) => `${Math.round(median(list) / 1000)} ms (${ratio(i)})`);
  return `| ${place} | ${cells.join(" | ")} |`;
});
const table = [
  `| caller | ${RUNTIMES.join(" | ")} |`,
  `|---|${"---|".repeat(RUNTIMES.length)}`,
  ...rows,
].join("\n");
const [BEGIN, END] = ["<!-- npm run bench:vm -->", "<!-- end -->"];
const doc = readFileSync(DOC, "utf8");
const [begin, end] = [doc.indexOf(BEGIN), doc.indexOf(END)];
if (begin < 0 || end < begin) throw new Error(`${DOC} has no place for the table`);
writeFileSync(DOC, `${doc.slice(0, begin + BEGIN.length)}\n${table}\n${doc.slice(end)}`);
console.log(table);
