/**
 * Fuzzes the C stage, and what reads images (fuzz-images.ts): `fuzz.ts [--seconds N] [--cache DIRECTORY]` (600 in all and
 * .cache/fuzz when absent). The corpus begins with the programs of src/init/golden and with the plans that
 * are kept of such containers, and grows in the cache. Ends with 1 at the first input that a sanitizer objects to, which
 * is kept and named. With --inputs N what reads images alone is fuzzed, with so many inputs, those of --seed N.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ContainerConfig } from "../src/config/types.ts";
import { planFile } from "../src/container/lifecycle/cached-plan.ts";
import { execInfoOf } from "../src/container/lifecycle/exec-facts.ts";
import { laterPlans, localPlans } from "../src/container/lifecycle/local-plans.ts";
import { type GuardOperation, guardOf } from "../src/host/guard.ts";
import type { Input } from "../src/host/recorder.ts";
import { recordedPrograms } from "../src/init/standard.ts";
import { configFor, goldenCases, plain } from "../src/init/testing/golden.ts";
import { InputKind, Part } from "../src/plan/file-abi.ts";
import { layout } from "../src/plan/layout.ts";
import { type Program, ProgramBuilder } from "../src/plan/program.ts";

const ROOT = `${import.meta.dir}/..`;
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    inputs: { type: "string" },
    seed: { type: "string" },
    from: { type: "string" },
    cache: { type: "string", default: `${ROOT}/.cache/fuzz` },
  },
});
const CACHE = values.cache;
/**
 * What the fuzzers' kernel answers (see nsenter/fuzz): a descriptor, ENOENT, EEXIST, or for a link its length and
 * text. The last byte is the number of answers in units of four ({@link tape}).
 */
const [FINE, ENOENT, EEXIST] = [3, 132, 133];
/** Where the header of a file of plans says where its parts are, in words. */
const PARTS_AT = layout("planHeader").parts / 4;
/** As nsenter/fuzz/plans.c has it. */
const BUILD = 1;
/** A process of this start time lives, as proc_pid_stat(5) says. */
const START_TIME = 42;
const STAT = Buffer.from(`7 (a) b) S${" 1".repeat(18)} ${START_TIME} 1\n`);
const ALIVE = [FINE, STAT.length, ...STAT];

const TAPES = [
  new Array(64).fill(FINE),
  new Array(64).fill(ENOENT),
  ALIVE,
  [ENOENT, FINE, FINE, FINE, ENOENT, EEXIST, FINE, 7, ...Buffer.from("/a/../b")],
  [ENOENT, EEXIST, ENOENT, 6, ...Buffer.from("../c/d"), ENOENT],
].map(tape);
/** The share of the time for each target. */
const SHARES = { program: 0.45, plans: 0.3, notify: 0.05, states: 0.05, process: 0.05 } as const;
const IMAGES_SHARE = 0.1;

type Target = keyof typeof SHARES;

function tape(answers: readonly number[]): number[] {
  const units = Math.ceil(answers.length / 4);
  return [...answers, ...new Array(4 * units - answers.length).fill(FINE), units];
}

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
    (b) => b.mode(b.reserve(8), b.slot()),
    (b) => b.spawn(b.reserve(64), null, 1000),
    (b) => b.strArray(["a", "b"], "argv"),
    (b) => b.alive(7, START_TIME),
    (b) => b.write(1, "text"),
    (b) => b.find(b.str("sh"), b.str("/bin::/usr/bin")),
    (b) => b.find(b.str("bin/sh"), b.str("")),
    (b) => b.execute(b.str("sh"), b.str("/bin:"), b.strArray(["sh"], "argv"), b.strArray([], "envp")),
  ];
  return builders.map((build) => {
    const b = new ProgramBuilder();
    build(b);
    return b.finish();
  });
}

/** Writes an input of the target of plans. */
type Write = (name: string, file: Uint8Array, answers: readonly number[]) => void;

/** The state of a container of this process. */
const STATE = {
  version: 1,
  ociVersion: "1.2.0",
  id: "seed",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  created: "2026-01-01T00:00:00.000000000Z",
  pid: 7,
  startTime: `${START_TIME}`,
} as const;

/** As this build of brun has written it. */
function ours(file: Uint8Array): Uint8Array {
  new Uint32Array(file.buffer)[1] = BUILD;
  return file;
}

/** Files of later commands: with exec and without. */
function localFiles(): Uint8Array[] {
  const rt = {
    root: "/run/brun",
    cgroupManager: "disabled",
    rootless: "auto",
    warn: () => undefined,
  } as const;
  const cgroup = { version: 2, paths: { "": "/sys/fs/cgroup/seed" } } as const;
  return [{}, { cgroup }].map((more) => {
    const config = configFor(plain(true), {});
    const state = { ...STATE, ...more };
    const info = execInfoOf(config);
    const file = localPlans(rt, state, laterPlans(rt, config, state, info), info);
    return ours(file.finish(guardOf([stamp("/run/brun/seed/state.json")]) as GuardOperation[]));
  });
}

/** Command by command, for an exec with its words. */
function seedLocal(write: Write): void {
  const exec = ["ls", "-l"].flatMap((word) => [word.length, ...Buffer.from(word)]);
  const opened = new Array(OPENED).fill(0);
  localFiles().forEach((file, n) => {
    for (let command = Part.state; command <= Part.execTerminal; command++) {
      const begin = [command, ...(command >= Part.exec ? [2, ...exec] : [0])];
      write(`${n}-${command}`, file, [...begin, ...opened, FINE, ...ALIVE]);
    }
  });
}

/** Answers of the tape that are taken while a file of plans is opened and read. */
const OPENED = 7;

/**
 * Questions of each kind, with the answers of the fuzzers' kernel. How many answers of the tape the file takes is told
 * by {@link LOOKS}.
 */
const text = (value: string) => Buffer.from(value);
const words = (...values: number[]) => new Uint8Array(new Uint32Array(values).buffer);
const stamp = (about: string): Input => {
  const answer = words(...new Array(14).fill(0), 0o100000, 0);
  return { kind: InputKind.stamp, detail: 0, about, answer };
};
const CONFIG = '{"ociVersion":"1.2.0"}';
const inputs: readonly Input[] = [
  { kind: InputKind.file, detail: 0, about: "/bundle/config.json", answer: text(CONFIG) },
  { kind: InputKind.type, detail: 0, about: "/bundle/rootfs", answer: words(0o100000) },
  { kind: InputKind.type, detail: 1, about: "/bundle/none", answer: words(0x100000000 - 2) },
  stamp("/usr/bin/newuidmap"),
  { kind: InputKind.link, detail: 0, about: "/proc/self/ns/user", answer: text("user:[4026531837]") },
  { kind: InputKind.access, detail: 4, about: "/bundle", answer: words(0) },
  { kind: InputKind.fileSystem, detail: 0, about: "/sys/fs/cgroup", answer: words(0, 0) },
  { kind: InputKind.variable, detail: 0, about: "NOTIFY_SOCKET", answer: null },
  { kind: InputKind.variable, detail: 0, about: "NAME", answer: text("value") },
  {
    kind: InputKind.call,
    detail: 0,
    about: new Uint8Array(new BigInt64Array(6).fill(1000n).buffer),
    answer: words(0),
  },
  { kind: InputKind.capabilities, detail: 0, about: "", answer: words(0, 0) },
  { kind: InputKind.limit, detail: 7, about: "", answer: words(0, 0) },
  { kind: InputKind.terminal, detail: 0, about: "", answer: words(1) },
];
/** The file is looked at, opened, and read to its end; then there are the others at absolute paths. */
const LOOKS = [FINE, 0, 0, 0, FINE, ENOENT, FINE];

/** The file of a run's plan, with the questions of each kind or with one. */
function planSeed(more: Partial<ContainerConfig>, all: boolean): Uint8Array {
  const spec = plain(true);
  const env = ["HOME=/", ...(spec.process?.env ?? [])];
  const config = configFor({ ...spec, process: { ...spec.process!, env } }, { extra: more });
  const programs = recordedPrograms(config, null);
  const recording = { inputs: all ? inputs : inputs.slice(-1), reason: null };
  const warnings = ["brun: warning: of the weather\n"];
  const made = { config, state: STATE, programs, later: null };
  const file = planFile("/run/brun", { ...made, recording, warnings });
  if (typeof file === "string") throw new Error(`no plan is kept: ${file}`);
  return ours(file.bytes);
}

/** Answers by which the container's process is there, and runs. */
function conversation(mapped: boolean, filter: boolean): number[] {
  // The last says whether a descriptor comes with it.
  const message = (fd: 0 | 1, type: number, ...payload: number[]): number[] => {
    const bytes = [1, 0, type, 0, payload.length, 0, 0, 0, ...payload];
    return [bytes.length, ...bytes, fd];
  };
  const sent = (count: number) => new Array(count).fill(0);
  const [pid, map, ready] = [message(1, 2, 7, 0, 0, 0, 0, 0, 0, 0), message(0, 4), message(0, 9)];
  // Signals; directory and lock; filter and exec.json; stage and subreaper; programs.
  const begin = [0, 0, 3, 0, ...sent(filter ? 6 : 3), 8, 0, ...sent(mapped ? 2 : 6), ...pid];
  const helpers = [0, 8, 0, 8, 0, ...sent(5)];
  const middle = mapped ? [...map, ...helpers, ...sent(5)] : [];
  return [...begin, ...middle, ...ready, 0, STAT.length, ...STAT];
}

/** Its first hole is the header's place for the last part's size. */
function selfChanging(file: Uint8Array): Uint8Array {
  const bytes = file.slice();
  const header = new Uint32Array(bytes.buffer);
  const holes = header[PARTS_AT + 2 * Part.holes]! / 4;
  header[holes + 1] = 4 * (PARTS_AT + 2 * Part.holes + 1);
  header[PARTS_AT + 2 * Part.cleanup] = 0;
  return bytes;
}

/** Runs that come to their end, and that end before. */
function seedRuns(write: Write): void {
  const two = [
    { containerId: 0, hostId: 1000, size: 1 },
    { containerId: 1, hostId: 100000, size: 65535 },
  ];
  const seccomp = { bpf: new Uint8Array(16), flags: 0, notify: false };
  const variants: Partial<ContainerConfig>[] = [
    { newKeyring: false },
    { seccomp },
    { maps: { uid: two, gid: two }, selfMapped: false },
  ];
  variants.forEach((more, n) => {
    const file = planSeed(more, n === 0);
    const answers = [
      Part.enter,
      4,
      more.newKeyring === false ? 1 : 0,
      ...new Array(OPENED).fill(0),
      ...(n === 0 ? LOOKS : []),
    ];
    write(`run-${n}-changing`, selfChanging(file), answers);
    const filter = more.seccomp !== undefined;
    [[], conversation(false, filter), conversation(true, filter)].forEach((talk, i) => {
      write(`run-${n}-${i}`, file, [...answers, ...talk]);
    });
  });
}

function seedCorpus(): void {
  for (const target of Object.keys(SHARES)) mkdirSync(`${CACHE}/${target}`, { recursive: true });
  const all = [...goldenCases.flatMap(({ programs }) => programs()), ...smallPrograms()];
  all.forEach(({ bytes }, i) => {
    TAPES.forEach((answers, n) => {
      writeFileSync(`${CACHE}/program/seed-${i}-${n}`, Buffer.concat([bytes, new Uint8Array(answers)]));
    });
  });
  const write: Write = (name, file, answers) =>
    writeFileSync(`${CACHE}/plans/seed-${name}`, Buffer.concat([file, new Uint8Array(tape(answers))]));
  seedLocal(write);
  seedRuns(write);
  writeFileSync(
    `${CACHE}/notify/ready`,
    Buffer.from("\xffREADY=1\nSTATUS=up\nMAINPID=1\nFDSTORE=1\n", "latin1"),
  );
  const annotations = { 'a "b"': '{"c":[]}\n' };
  const kept = { directory: "/l", list: [1, { a: null }, []], no: false };
  [STATE, { ...STATE, annotations, kept }].forEach((state, i) => {
    writeFileSync(`${CACHE}/states/seed-${i}`, JSON.stringify(state));
  });
  const rest = '"capabilities":{"bounding":["CAP_KILL"]},"oomScoreAdj":0';
  const texts = `"args":["a\\"\\u00e9"],"env":["A=1","B="],"cwd":"/"`;
  writeFileSync(`${CACHE}/process/engine`, `{"terminal":true,"user":{"uid":0},${texts},${rest}}\n`);
  // With a descriptor, as an odd byte behind it says.
  writeFileSync(`${CACHE}/notify/barrier`, "\x09BARRIER=1\x01");
}

/** Runs one target. Returns whether nothing was found. */
function fuzz(target: Target, seconds: number): boolean {
  const argv = [
    `${CACHE}/bin/${target}`,
    `-max_total_time=${Math.max(1, Math.round(seconds * SHARES[target]))}`,
    // Numbers in programs are taken for addresses, and what comparisons show are those of this process's stack: the fuzzers'
    // kernel would touch them as the stage's own.
    "-use_cmp=0",
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

/** Fuzzes what reads images. Returns whether nothing was found. */
function fuzzImages(flags: readonly string[]): boolean {
  const argv = [process.execPath, `${ROOT}/scripts/fuzz-images.ts`, ...flags];
  return Bun.spawnSync(argv, { stdio: ["ignore", "inherit", "inherit"] }).exitCode === 0;
}

const given = (["seed", "from", "inputs"] as const).flatMap((name) =>
  values[name] === undefined ? [] : [`--${name}`, values[name]],
);
if (values.inputs !== undefined) process.exit(fuzzImages(given) ? 0 : 1);
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds: ${values.seconds} is not a number of seconds`);
if (Bun.which("clang") === null) throw new Error("clang is not installed: apt-get install clang");
const { exitCode } = Bun.spawnSync(["sh", `${ROOT}/nsenter/fuzz/build.sh`, `${CACHE}/bin`], {
  stdio: ["ignore", "inherit", "inherit"],
});
if (exitCode !== 0) process.exit(1);
seedCorpus();
const clean = (Object.keys(SHARES) as Target[]).map((target) => fuzz(target, seconds)).every(Boolean);
const soundImages = fuzzImages([...given, "--seconds", `${seconds * IMAGES_SHARE}`]);
process.exit(clean && soundImages ? 0 : 1);
