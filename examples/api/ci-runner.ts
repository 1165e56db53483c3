/**
 * A runner for the steps of a CI job, each in a fresh container on the same work directory. Output is printed as it
 * comes, a step may take so long and no longer, and the first that fails ends the job with its exit code.
 *   usage: bun examples/api/ci-runner.ts ROOTFS WORKDIR JOB.json
 *   job:   {"env": {"CI": "true"}, "steps": [{"name": "build", "run": "make", "timeoutSeconds": 60}]}
 */
import { readFileSync } from "node:fs";
import { BrunError, run } from "brun";

interface Step {
  readonly name: string;
  readonly run: string;
  readonly timeoutSeconds?: number;
}

interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const TIMED_OUT = 124;
const NOT_STARTED = 125;

/** Prints a stream line by line, each behind the step's name. */
async function show(stream: ReadableStream<Uint8Array<ArrayBuffer>>, name: string): Promise<void> {
  let line = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (line + text).split("\n");
    line = lines.pop()!;
    for (const complete of lines) console.log(`${name} | ${complete}`);
  }
  if (line !== "") console.log(`${name} | ${line}`);
}

/** Runs a step; returns its exit code. */
async function runStep(step: Step, job: Job, rootfs: string, workdir: string): Promise<number> {
  try {
    await using container = await run({
      rootfs,
      args: ["sh", "-ec", step.run],
      env: { HOME: "/work", ...job.env },
      workdir: "/work",
      volume: [`${workdir}:/work`],
      timeout: (step.timeoutSeconds ?? 600) * 1000,
    });
    await Promise.all([show(container.stdout, step.name), show(container.stderr, step.name)]);
    return await container.wait();
  } catch (error) {
    if (error instanceof BrunError && error.code === "ERR_TIMEOUT") {
      console.log(`${step.name} : takes longer than ${step.timeoutSeconds} s`);
      return TIMED_OUT;
    }
    if (!(error instanceof BrunError)) throw error;
    console.log(`${step.name} : ${error.text}`);
    return NOT_STARTED;
  }
}

const [rootfs, workdir, file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: ci-runner.ts ROOTFS WORKDIR JOB.json");
const job: Job = JSON.parse(readFileSync(file, "utf8"));
let status = 0;
for (const step of job.steps) {
  const started = performance.now();
  status = await runStep(step, job, rootfs!, workdir!);
  console.log(`${step.name} : exit code ${status}, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (status !== 0) break;
}
process.exit(status);
