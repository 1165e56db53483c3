/**
 * A sandbox for code that one does not trust: it gets stdin and gives stdout, and has neither network nor files nor
 * time without end. Prints the outcome as JSON.
 *   usage: bun examples/api/untrusted.ts ROOTFS [--seconds N] -- COMMAND… <INPUT
 */
import { BrunError, run } from "brun";

const OUTPUT_LIMIT = 64 * 1024;
const MEMORY_LIMIT = 256 * 1024 * 1024;

interface Outcome {
  readonly status: "done" | "timeout" | "too much output" | "error";
  readonly exitCode: number | null;
  readonly output: string;
}

/** No capabilities, an ordinary user, a root filesystem that is read-only, limits on what can be exhausted. */
async function runUntrusted(
  rootfs: string,
  command: readonly string[],
  input: Uint8Array,
  seconds: number,
): Promise<Outcome> {
  const limit = new AbortController();
  let output = "";
  try {
    await using container = await run({
      rootfs,
      args: command,
      input,
      stderr: "ignore",
      user: { uid: 0 },
      signal: AbortSignal.any([limit.signal, AbortSignal.timeout(seconds * 1000)]),
      edit: (spec) => {
        spec.process.capabilities = {};
        spec.process.noNewPrivileges = true;
        spec.process.rlimits = [
          { type: "RLIMIT_AS", soft: MEMORY_LIMIT, hard: MEMORY_LIMIT },
          { type: "RLIMIT_NOFILE", soft: 64, hard: 64 },
          { type: "RLIMIT_FSIZE", soft: OUTPUT_LIMIT, hard: OUTPUT_LIMIT },
          { type: "RLIMIT_CORE", soft: 0, hard: 0 },
        ];
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [
            {
              names: ["ptrace", "unshare", "mount", "setns", "keyctl", "bpf", "perf_event_open"],
              action: "SCMP_ACT_ERRNO",
            },
          ],
        };
      },
    });
    for await (const text of container.stdout!.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (output.length > OUTPUT_LIMIT) limit.abort("too much output");
    }
    return { status: "done", exitCode: await container.wait(), output };
  } catch (error) {
    output = output.slice(0, OUTPUT_LIMIT);
    if (error === "too much output") return { status: error, exitCode: null, output };
    if (error instanceof DOMException) return { status: "timeout", exitCode: null, output };
    if (error instanceof BrunError) return { status: "error", exitCode: null, output: error.text };
    throw error;
  }
}

const [rootfs, ...rest] = process.argv.slice(2);
const seconds = rest[0] === "--seconds" ? Number(rest.splice(0, 2)[1]) : 5;
if (rest[0] === "--") rest.shift();
if (rootfs === undefined || rest.length === 0) throw new Error("usage: untrusted.ts ROOTFS -- COMMAND…");
console.log(JSON.stringify(await runUntrusted(rootfs, rest, await Bun.stdin.bytes(), seconds)));
