/** A program in a container: its streams, its end. */
import { closeSync, readdirSync, readFileSync } from "node:fs";
import type { BrunError } from "../errors.ts";
import { pipe } from "./files.ts";
import { ended, type Invocation, type Invoked, invoke, type Stream } from "./invoke.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { drained, readable, writable } from "./streams.ts";

/** Where the standard streams of a program come from and go to. */
export interface StdioOptions {
  /** "ignore" (the default) reads nothing; "pipe" gives {@link Process.stdin}. */
  readonly stdin?: "ignore" | "inherit" | "pipe" | undefined;
  /** What the program reads from stdin, instead of `stdin`. */
  readonly input?: string | Uint8Array | undefined;
  /** "pipe" (the default) gives {@link Process.stdout}. */
  readonly stdout?: "ignore" | "inherit" | "pipe" | undefined;
  /** "pipe" (the default) gives {@link Process.stderr}. */
  readonly stderr?: "ignore" | "inherit" | "pipe" | undefined;
  /** Kills the program, with SIGKILL, and makes what waits for it throw the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Process.output} returns. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A program that runs in a container, in the foreground of a brun process. `await using` kills it at the end of the
 * block, and closes its streams.
 */
export class Process implements AsyncDisposable {
  /** For writing to the program; null unless `stdin` is "pipe". Closing it is the program's end of file. */
  readonly stdin: WritableStream<string | Uint8Array> | null;
  /** What the program writes; null unless `stdout` is "pipe". */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** What the program writes as errors; null unless `stderr` is "pipe". */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  private readonly child: Bun.Subprocess;
  private readonly ready: Promise<void>;
  private readonly exit: Promise<number>;
  private started = false;

  /** @internal Starts brun with arguments that keep it in the foreground. */
  constructor(options: RuntimeOptions & StdioOptions, args: readonly string[], config?: string) {
    const { signal } = options;
    signal?.throwIfAborted();
    const theirs: number[] = [];
    const reader = (
      how: StdioOptions["stdout"] = "pipe",
    ): [Stream, ReadableStream<Uint8Array<ArrayBuffer>> | null] => {
      if (how !== "pipe") return [how, null];
      const [ours, writer] = pipe();
      theirs.push(writer);
      return [writer, readable(ours)];
    };
    let stdin: Stream = options.input === undefined ? (options.stdin ?? "ignore") : "pipe";
    let sink: Process["stdin"] = null;
    if (stdin === "pipe") {
      const [source, ours] = pipe();
      theirs.push(source);
      stdin = source;
      sink = writable(ours);
    }
    const [stdout, output] = reader(options.stdout);
    const [stderr, errors] = reader(options.stderr);
    const [readyReader, ready] = pipe();
    const invocation: Invocation = { args, stdin, stdout, stderr, config, ready };
    let invoked: Invoked;
    try {
      invoked = invoke(options, invocation);
    } finally {
      for (const fd of theirs) closeSync(fd);
    }
    this.stdout = output;
    this.stderr = errors;
    this.stdin = options.input === undefined ? sink : null;
    if (options.input !== undefined) void feed(sink!, options.input);
    this.child = invoked.child;
    const abort = (): void => this.abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.ready = this.awaitReady(readyReader, invoked, signal);
    this.exit = this.ready.then(async () => {
      const code = await this.child.exited;
      signal?.removeEventListener("abort", abort);
      signal?.throwIfAborted();
      return code;
    });
    // Whoever waits gets the error; that no one does is no error of its own.
    this.exit.catch(() => this.discard());
  }

  /** Resolves when the program runs (or waits for `start`). Throws a BrunError when it could not. */
  async untilReady(): Promise<this> {
    await this.ready;
    return this;
  }

  /**
   * Waits for the program's end; returns its exit code, or 128 and the number of the signal that ended it.
   * @throws the reason of the AbortSignal that ended it
   */
  wait(): Promise<number> {
    return this.exit;
  }

  /**
   * Reads stdout and stderr to their ends, as text, and waits for the program's end.
   * @throws the reason of the AbortSignal that ended it
   */
  async output(): Promise<Output> {
    const text = (stream: ReadableStream | null) => (stream === null ? "" : new Response(stream).text());
    const [stdout, stderr] = await Promise.all([text(this.stdout), text(this.stderr)]);
    return { exitCode: await this.exit, stdout, stderr };
  }

  /** Sends the program a signal; none is sent when it has ended. */
  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    // The supervisor passes on what can be caught.
    if (signal !== "SIGKILL" && signal !== "SIGSTOP") this.child.kill(signal);
    else for (const pid of childrenOf(this.child.pid)) process.kill(pid, signal);
  }

  /** Lets go of the streams that no one reads or writes. */
  discard(): void {
    for (const stream of [this.stdout, this.stderr]) if (stream?.locked === false) void stream.cancel();
    if (this.stdin?.locked === false) void this.stdin.abort();
  }

  /** Kills it and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    this.discard();
    await this.exit.catch(() => {});
  }

  /** What an AbortSignal does; a container goes further. */
  protected abort(): void {
    if (this.started) {
      this.kill("SIGKILL");
      return;
    }
    const children = childrenOf(this.child.pid);
    this.child.kill("SIGKILL");
    for (const pid of children) killGroup(pid);
  }

  private async awaitReady(fd: number, invoked: Invoked, signal: AbortSignal | undefined): Promise<void> {
    await drained(fd);
    this.started = true;
    let error: BrunError | null;
    try {
      error = invoked.finish();
    } finally {
      signal?.throwIfAborted();
    }
    if (error === null && (await this.supervised())) return;
    await this.child.exited;
    throw error ?? ended(this.child);
  }

  /** Whether brun became a supervisor and was not killed before that. */
  private async supervised(): Promise<boolean> {
    while (this.child.exitCode === null && this.child.signalCode === null) {
      if (commandLine(this.child.pid).includes("supervise")) return true;
      // It is between its descriptors' end and its new command line, or a zombie.
      await Bun.sleep(1);
    }
    return this.child.signalCode === null;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Children of all threads of a process (proc_pid_task_children(5)). */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Kills what brun was waiting for: a hook has a process group of its own, the stage has not. */
function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {}
  }
}

/** Writes all, and ends; that the program does not read it is its own affair. */
async function feed(stdin: WritableStream, input: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {}
}
