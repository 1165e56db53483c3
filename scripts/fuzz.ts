/**
 * Fuzzes the C stage: `fuzz.ts [--seconds N] [--cache DIRECTORY]` (600 in all and .cache/fuzz when absent). The corpus
 * begins with the programs of src/init/golden and grows in the cache. Ends with 1 at the first input that a sanitizer objects to, which is
 * kept and named.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { goldenCases } from "../src/init/testing/golden.ts";
import { type Program, ProgramBuilder } from "../src/stage/program.ts";

const ROOT = `${import.meta.dir}/..`;
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    cache: { type: "string", default: `${ROOT}/.cache/fuzz` },
  },
});
const CACHE = values.cache;
/**
 * What the fuzzers' kernel answers (see nsenter/fuzz): a descriptor, ENOENT, EEXIST, or for a link its length and
 * text. The last byte is the number of answers in units of four.
 */
const [FINE, ENOENT, EEXIST] = [3, 132, 133];
const TAPES = [
  [...new Array(64).fill(FINE), 16],
  [...new Array(64).fill(ENOENT), 16],
  [ENOENT, FINE, FINE, FINE, ENOENT, EEXIST, FINE, 7, ...Buffer.from("/a/../b"), FINE, 4],
  [ENOENT, EEXIST, ENOENT, 6, ...Buffer.from("../c/d"), ENOENT, FINE, FINE, FINE, FINE, FINE, 4],
];
/** What each target gets of the time. */
const SHARES = { program: 0.8, notify: 0.2 } as const;

type Target = keyof typeof SHARES;

/** Each kind of operation that has code of its own, in programs that are small enough to be changed often. */
function smallPrograms(): Program[] {
  const builders: ((b: ProgramBuilder) => void)[] = [
    (b) => b.close(b.target(b.slot(), "one/two/three", 16, "file")),
    (b) => b.close(b.target(b.slot(), "one/../two", 16, "dir")),
    (b) => b.send(7, b.slot(), 6),
    (b) => b.clone(0x20000000, null),
    (b) => b.poke(b.reserve(32), b.get("getpid", []), 0),
    (b) => b.check(b.reserve(8), 4, 0xff, 0, 22),
    (b) => b.bits("prctl", 5, 1, [24, 0, 0, 0], true),
    (b) => b.copy(b.slot(), b.slot(), true),
    (b) => b.spawn(b.reserve(64), null, 1000),
    (b) => b.strArray(["a", "b"], "argv"),
  ];
  return builders.map((build) => {
    const b = new ProgramBuilder();
    build(b);
    return b.finish();
  });
}

function seedCorpus(): void {
  for (const target of Object.keys(SHARES)) mkdirSync(`${CACHE}/${target}`, { recursive: true });
  const all = [...goldenCases.flatMap(({ programs }) => programs()), ...smallPrograms()];
  all.forEach(({ bytes }, i) => {
    TAPES.forEach((tape, n) => {
      writeFileSync(`${CACHE}/program/seed-${i}-${n}`, Buffer.concat([bytes, new Uint8Array(tape)]));
    });
  });
  writeFileSync(
    `${CACHE}/notify/ready`,
    Buffer.from("\xffREADY=1\nSTATUS=up\nMAINPID=1\nFDSTORE=1\n", "latin1"),
  );
  // With a descriptor, as an odd byte behind it says.
  writeFileSync(`${CACHE}/notify/barrier`, "\x09BARRIER=1\x01");
}

/** Runs one target. Returns whether nothing was found. */
function fuzz(target: Target, seconds: number): boolean {
  const argv = [
    `${CACHE}/bin/${target}`,
    `-max_total_time=${Math.max(1, Math.round(seconds * SHARES[target]))}`,
    "-max_len=65536",
    "-timeout=10",
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
    `-artifact_prefix=${CACHE}/${target}-`,
    `${CACHE}/${target}`,
  ];
  const { exitCode, stderr } = Bun.spawnSync(argv, { stdout: "ignore", stderr: "pipe" });
  const text = stderr.toString();
  const runs = /stat::number_of_executed_units:\s*(\d+)/.exec(text)?.[1] ?? "0";
  const coverage = [...text.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? "0";
  console.log(`${target}: ${runs} inputs, ${coverage} edges, ${exitCode === 0 ? "nothing found" : "FAILED"}`);
  if (exitCode !== 0) console.error(text.split("\n").slice(-60).join("\n"));
  return exitCode === 0 && Number(runs) > 0;
}

const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds: ${values.seconds} is not a number of seconds`);
if (Bun.which("clang") === null) throw new Error("clang is not installed: apt-get install clang");
const { exitCode } = Bun.spawnSync(["sh", `${ROOT}/nsenter/fuzz/build.sh`, `${CACHE}/bin`], {
  stdio: ["ignore", "inherit", "inherit"],
});
if (exitCode !== 0) process.exit(1);
seedCorpus();
const clean = (Object.keys(SHARES) as Target[]).map((target) => fuzz(target, seconds)).every(Boolean);
process.exit(clean ? 0 : 1);
