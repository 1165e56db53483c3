/**
 * Fuzzes the code that reads images from strangers: the tar reader and the reader of names, in this process.
 * `fuzz-images.ts [--seconds N | --inputs N] [--seed N] [--from N]`: tries so many inputs of each (or for so many seconds), from
 * input number N on. An input follows from the seed and its number. Ends with 1 at the first input that is read wrongly, takes
 * longer than {@link HANG_MS}, or makes memory grow, and says how to repeat it.
 */

import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { tryReference } from "../src/image/testing/fuzz-reference.ts";
import { tryArchive } from "../src/image/testing/fuzz-tar.ts";
import { Random } from "../src/image/testing/random.ts";

const TARGETS = { tar: tryArchive, reference: tryReference } as const;
type Target = keyof typeof TARGETS;

/** The longest that one input may take. */
const HANG_MS = 10_000;
/** How much memory may grow after the first tenth, in bytes. */
const GROWTH_MAX = 64 << 20;
/** How often memory is looked at. */
const SAMPLES = 20;

interface Work {
  readonly target: Target;
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  /** From the moment that the worker has begun. */
  readonly seconds: number;
  readonly place: SharedArrayBuffer;
}

interface Done {
  readonly inputs: number;
  readonly failure: string | null;
}

/** In the worker: one input after the other, and where it is in shared memory. */
function work({ target, seed, from, inputs, seconds, place }: Work): Done {
  const at = new Float64Array(place);
  const attempt = TARGETS[target];
  // Most inputs end in an error, and to note where it was thrown takes most of the time.
  Error.stackTraceLimit = inputs === 1 ? 100 : 0;
  // Starting the worker may take as long on a busy machine.
  const until = Date.now() + seconds * 1000;
  let n = 0;
  for (; n < inputs && (n % 256 !== 0 || Date.now() < until); n++) {
    at[0] = from + n;
    try {
      attempt(new Random(seed, from + n));
    } catch (error) {
      return { inputs: n, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  }
  return { inputs: n, failure: null };
}

/** Memory after what is garbage has gone, in bytes. */
function memory(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

/** Runs one target. Returns whether nothing was found. */
async function fuzz(
  target: Target,
  seed: number,
  from: number,
  inputs: number,
  seconds: number,
): Promise<boolean> {
  const place = new SharedArrayBuffer(8);
  const at = new Float64Array(place);
  const begin = Date.now();
  const worker = new Worker(import.meta.path, {
    workerData: { target, seed, from, inputs, seconds, place } satisfies Work,
  });
  const done = new Promise<Done>((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
  });
  const again = () => `again: npm run fuzz -- --seed ${seed} --from ${at[0]} --inputs 1`;
  let [last, since, first, most] = [-1, begin, 0, 0];
  let next = 0;
  const share = (): number => Math.max((at[0]! - from) / inputs, (Date.now() - begin) / 1000 / seconds);
  const fail = (what: string): never => {
    console.error(`${target}: ${what}; ${again()}`);
    process.exit(1);
  };
  const timer = setInterval(() => {
    if (at[0] !== last) [last, since] = [at[0]!, Date.now()];
    else if (Date.now() - since > HANG_MS) fail(`an input takes longer than ${HANG_MS / 1000} s`);
    if (share() * SAMPLES < next) return;
    next++;
    const now = memory();
    if (next === 2) first = now;
    most = Math.max(most, now);
    if (next > 2 && now - first > GROWTH_MAX) fail(`memory has grown from ${first >> 20} to ${now >> 20} MB`);
  }, 200);
  const { inputs: count, failure } = await done;
  clearInterval(timer);
  await worker.terminate();
  if (failure !== null) {
    console.error(`${target}: ${failure}\n${again()}`);
    return false;
  }
  const took = ((Date.now() - begin) / 1000).toFixed(0);
  console.log(
    `${target}: ${count} inputs from seed ${seed} in ${took} s, at most ${most >> 20} MB, nothing found`,
  );
  return count > 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      inputs: { type: "string" },
      seed: { type: "string", default: `${Date.now() % 1_000_000}` },
      from: { type: "string", default: "0" },
    },
  });
  const number = (name: keyof typeof values): number => {
    const value = Number(values[name]);
    if (!(value >= 0)) throw new Error(`--${name}: ${values[name]} is not a number`);
    return value;
  };
  const inputs = values.inputs === undefined ? Number.MAX_SAFE_INTEGER : number("inputs");
  const seconds = values.inputs === undefined ? number("seconds") / 2 : Number.POSITIVE_INFINITY;
  let clean = true;
  for (const target of Object.keys(TARGETS) as Target[])
    clean = (await fuzz(target, number("seed"), number("from"), inputs, seconds)) && clean;
  process.exit(clean ? 0 : 1);
}

if (isMainThread) await main();
else parentPort!.postMessage(work(workerData as Work));
