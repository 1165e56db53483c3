/**
 * What config.json costs in a cold process: `bun bench/spec.ts [runs]`. Builds two small binaries as brun is built
 * and starts them in turn: one reads configs with parseSpec, one builds the valibot schemas and runs them, which is
 * what the compiled checks save. Prints the median and the minimum in milliseconds.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialise, specTemplate } from "../src/spec/template.ts";

const spec = `${import.meta.dir}/../src/spec`;

/** Loaded before the imports that are measured, and after the system layer, which brun loads in any case. */
const clock = `
import "${spec}/../sys/fs.ts";
export const times = [performance.now()];`;

/** Phases are the times between calls of mark(). */
const compiled = `
import { times } from "./clock.ts";
import { parseSpec } from "${spec}/index.ts";
times.push(performance.now());
const [text, large] = process.argv.slice(2).map((path) => require("node:fs").readFileSync(path, "utf8"));
const mark = () => times.push(performance.now());
mark();
JSON.parse(text);
mark();
parseSpec(text, "config.json");
mark();
parseSpec(large, "config.json");
mark();
console.log(JSON.stringify(times));`;

const valibot = `
import { times } from "./clock.ts";
import { SpecSchema } from "${spec}/spec.ts";
import { safeParse } from "${Bun.resolveSync("valibot", import.meta.dir)}";
times.push(performance.now());
const [text, large] = process.argv.slice(2).map((path) => require("node:fs").readFileSync(path, "utf8"));
const mark = () => times.push(performance.now());
mark();
JSON.parse(text);
mark();
safeParse(SpecSchema, JSON.parse(text));
mark();
safeParse(SpecSchema, JSON.parse(large));
mark();
console.log(JSON.stringify(times));`;

const PHASES = ["import", null, "JSON.parse alone", "runc's default config", "1 MB, thousands of mounts"];

/** Builds a binary from an entry's text with brun's flags. */
async function build(directory: string, name: string, text: string): Promise<string> {
  writeFileSync(join(directory, `${name}.ts`), text);
  const out = join(directory, name);
  const flags = ["--compile", "--minify", "--bytecode", "--format=esm", "--sourcemap=none"];
  const built = Bun.spawnSync(
    [process.execPath, "build", ...flags, "--compile-jit-policy=100", "--outfile", out, `${out}.ts`],
    { stderr: "pipe" },
  );
  if (!built.success) throw new Error(built.stderr.toString());
  return out;
}

/** A config of more than 1 MB: the default one with bind mounts. */
function largeConfig(): string {
  const large = specTemplate(false);
  const options = ["rbind", "ro", "nosuid", "nodev", "noexec", "rprivate"];
  for (let i = 0; i < 4500; i++) {
    large.mounts!.push({
      destination: `/data/volume-${i}`,
      type: "bind",
      source: `/srv/volume-${i}`,
      options,
    });
  }
  return serialise(large);
}

function summary(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  return `${median.toFixed(3).padStart(8)} ${sorted[0]!.toFixed(3).padStart(8)}`;
}

const runs = Number(process.argv[2] ?? 60);
const directory = mkdtempSync(join(tmpdir(), "brun-bench-spec-"));
try {
  writeFileSync(join(directory, "clock.ts"), clock);
  const binaries = { compiled, valibot };
  const samples = new Map<string, number[]>();
  const small = join(directory, "small.json");
  const large = join(directory, "large.json");
  writeFileSync(small, serialise(specTemplate(false)));
  writeFileSync(large, largeConfig());
  const built = new Map<string, string>();
  for (const [name, text] of Object.entries(binaries)) built.set(name, await build(directory, name, text));
  for (let run = 0; run < runs; run++) {
    for (const [name, path] of built) {
      const times: number[] = JSON.parse(Bun.spawnSync([path, small, large]).stdout.toString());
      for (const [i, phase] of PHASES.entries()) {
        if (phase === null) continue;
        const key = `${name.padEnd(9)} ${phase}`;
        const list = samples.get(key) ?? [];
        samples.set(key, list);
        list.push(times[i + 1]! - times[i]!);
      }
    }
  }
  console.log(`milliseconds in a cold process, ${runs} runs each${" ".repeat(4)}median      min`);
  for (const [key, values] of samples) console.log(key.padEnd(44), summary(values));
} finally {
  rmSync(directory, { recursive: true });
}
