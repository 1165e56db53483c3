/**
 * A sandbox for code that one does not trust: it gets stdin and gives stdout, and has neither network nor files nor
 * time nor memory without end. It runs as nobody, without capabilities, under the default seccomp filter. Prints the
 * outcome as JSON.
 *   usage: bun examples/api/untrusted.ts ROOTFS [--seconds N] [--without-cgroup] -- COMMAND… <INPUT
 *
 * Limits of memory and processes need a cgroup of one's own (`brun doctor` says whether there is one). With
 * --without-cgroup there is a limit for each process instead, and none for all of them together.
 */
import { buffer } from "node:stream/consumers";
import { AbortError, BrunError, run } from "brun";

const OUTPUT_LIMIT = 64 * 1024;
const MEMORY_LIMIT = 256 * 1024 * 1024;
const PROCESSES_LIMIT = 64;

interface Outcome {
  readonly status: "done" | "timeout" | "too much output" | "error";
  readonly exitCode: number | null;
  readonly output: string;
}

async function runUntrusted(
  rootfs: string,
  args: readonly string[],
  input: Uint8Array,
  { seconds, cgroup }: { readonly seconds: number; readonly cgroup: boolean },
): Promise<Outcome> {
  const limit = new AbortController();
  let output = "";
  try {
    await using container = await run({
      rootfs,
      args,
      input,
      stderr: "ignore",
      user: "65534:65534",
      network: "none",
      readOnly: true,
      capDrop: "ALL",
      securityOpt: "no-new-privileges",
      ulimit: [`as=${MEMORY_LIMIT}`, `fsize=${OUTPUT_LIMIT}`, "nofile=64", "core=0"],
      ...(cgroup
        ? { memory: MEMORY_LIMIT, pidsLimit: PROCESSES_LIMIT, cpus: 1 }
        : { cgroupManager: "disabled" as const }),
      timeout: seconds * 1000,
      signal: limit.signal,
    });
    for await (const text of container.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (output.length > OUTPUT_LIMIT) limit.abort();
    }
    return { status: "done", exitCode: await container.wait(), output };
  } catch (error) {
    output = output.slice(0, OUTPUT_LIMIT);
    if (error instanceof AbortError) {
      const status = error.code === "ERR_TIMEOUT" ? "timeout" : "too much output";
      return { status, exitCode: null, output };
    }
    if (error instanceof BrunError) return { status: "error", exitCode: null, output: error.text };
    throw error;
  }
}

/** Whether a flag is among the words before the command; takes it away. */
function take(words: string[], flag: string, count = 1): string | undefined {
  const at = words.indexOf(flag);
  return at < 0 ? undefined : words.splice(at, count).at(-1);
}

const [rootfs, ...rest] = process.argv.slice(2);
const at = rest.indexOf("--");
const flags = rest.slice(0, at);
const command = rest.slice(at + 1);
const seconds = Number(take(flags, "--seconds", 2) ?? 5);
const cgroup = take(flags, "--without-cgroup") === undefined;
if (rootfs === undefined || at < 0 || command.length === 0 || flags.length > 0) {
  throw new Error("usage: untrusted.ts ROOTFS [--seconds N] [--without-cgroup] -- COMMAND…");
}
const outcome = await runUntrusted(rootfs, command, await buffer(process.stdin), { seconds, cgroup });
console.log(JSON.stringify(outcome));
