/** A program in a container, with its streams and its end. */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import { timeoutMs } from "../cli/duration.ts";
import type { ImageEvent } from "../image/progress.ts";
import { AbortError } from "./abort-error.ts";
import { Connection } from "./connection.ts";
import { ended, type Invoked, invoke, NETWORK } from "./invoke.ts";
import { NetworkChannel, type NetworkListeners } from "./network.ts";
import type { RuntimeOptions } from "./runtime.ts";
import type { Sink, Source } from "./streams.ts";
import { Text } from "./text.ts";
import { usage } from "./usage.ts";

/** Values of `stdin`. */
export type StdinMode = "ignore" | "inherit" | "pipe";
/** Values of `stdout` and `stderr`. */
export type OutputMode = "ignore" | "inherit" | "pipe";

/** Values of `input`, which replaces `stdin`. */
export type InputOf<Mode> = Mode extends "ignore" ? string | Uint8Array : undefined;

/** {@link Process.stdin} of a mode. */
export type StdinOf<Mode> = Mode extends "pipe" ? Sink : null;
/** {@link Process.stdout} and {@link Process.stderr} of a mode. */
export type OutputOf<Mode> = Mode extends "pipe" ? Source : null;

/** Where the standard streams of a program come from and go to, and how long it may take. */
export interface StdioOptions<
  In extends StdinMode = StdinMode,
  Out extends OutputMode = OutputMode,
  Err extends OutputMode = OutputMode,
> {
  /** "ignore" (the default) reads nothing; "pipe" gives {@link Process.stdin}. */
  readonly stdin?: In | undefined;
  /** What the program reads from stdin; not together with `stdin`. */
  readonly input?: InputOf<In> | undefined;
  /** "pipe" (the default) gives {@link Process.stdout}. */
  readonly stdout?: Out | undefined;
  /** "pipe" (the default) gives {@link Process.stderr}. */
  readonly stderr?: Err | undefined;
  /** Kills the program by SIGKILL. Calls that wait for it throw an {@link AbortError}. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Kills the program after this time from the call: milliseconds, or a text as for `--timeout` ("10s", "1m30s").
   */
  readonly timeout?: number | string | undefined;
  /**
   * Whether the program is killed and its container removed when your program ends, even by SIGKILL; by default true.
   */
  readonly dieWithParent?: boolean | undefined;
}

/** The result of {@link Process.output}. */
export interface Output {
  /** Exit code, or 128 plus the number of the signal that ended the program. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long streams are read on after an abort, when something else than the program holds them open. */
const LAST_WORDS_MS = 200;

/** How soon a program that was not found is looked for again. */
const AGAIN_MS = 5;

/**
 * A program that runs in a container, in the foreground of a brun process. `await using` kills it at the end of the
 * block, and closes its streams; after a call of {@link Process.output} it waits for that instead.
 */
export class Process<
  In extends StdinMode = StdinMode,
  Out extends OutputMode = OutputMode,
  Err extends OutputMode = OutputMode,
> implements AsyncDisposable
{
  /** For writing to the program; null unless `stdin` is "pipe". The program reads end of file when it is closed. */
  readonly stdin: StdinOf<In>;
  /** What the program writes to stdout; null unless `stdout` is "pipe". */
  readonly stdout: OutputOf<Out>;
  /** What the program writes to stderr; null unless `stderr` is "pipe". */
  readonly stderr: OutputOf<Err>;
  private readonly exit: Promise<number>;
  private over = false;
  private reading: Promise<Output> | null = null;

  /** @internal See {@link startProcess}. */
  constructor(
    private readonly invoked: Invoked,
    connection: Connection,
    exit: Promise<number>,
    fed: boolean,
    /** Whether brun itself has become the program, without a container. */
    private readonly direct: boolean,
  ) {
    // Types and modes are those of one object.
    this.stdin = (fed ? null : connection.stdin) as StdinOf<In>;
    this.stdout = connection.stdout as OutputOf<Out>;
    this.stderr = connection.stderr as OutputOf<Err>;
    this.exit = exit.finally(() => {
      this.over = true;
    });
    // Callers that wait get the error. Without any, the rejection must not become an error of its own.
    this.exit.catch(() => this.discard());
  }

  /**
   * Waits for the program's end; returns its exit code, or 128 plus the number of the signal that ended it.
   * @throws AbortError it was ended by `signal` or `timeout`
   */
  wait(): Promise<number> {
    return this.exit;
  }

  /**
   * Reads stdout and stderr to their ends, as text, and waits for the program's end.
   * @throws AbortError it was ended by `signal` or `timeout`; the error has the output up to then
   */
  output(): Promise<Output> {
    const reading = this.read();
    this.reading = reading;
    return reading;
  }

  /** Sends a signal to the program, unless it has ended. */
  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    const { child } = this.invoked;
    if (this.over || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    // The supervisor passes on what can be caught.
    if (this.direct || (signal !== "SIGKILL" && signal !== "SIGSTOP")) child.kill(signal);
    else signalChildren(child.pid, signal, () => this.over);
  }

  /** Closes the streams that nobody reads or writes. */
  discard(): void {
    const outputs: readonly (Source | null)[] = [this.stdout, this.stderr];
    for (const stream of outputs) if (stream?.locked === false) stream.cancel().catch(() => {});
    const stdin: Sink | null = this.stdin;
    if (stdin?.locked === false) stdin.abort().catch(() => {});
  }

  /** Kills it and waits for its end. If its output is being read, it only waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!(await this.settled())) this.kill("SIGKILL");
    this.discard();
    await this.exit.catch(() => {});
  }

  /** @internal Waits for an output() that has been called, so that `return container.output()` is whole. */
  async settled(): Promise<boolean> {
    if (this.reading === null) return false;
    await this.reading.catch(() => {});
    return true;
  }

  private async read(): Promise<Output> {
    const stdout = new Text(this.stdout);
    const stderr = new Text(this.stderr);
    const ends = Promise.all([stdout.end, stderr.end]);
    try {
      const exitCode = await this.exit;
      await ends;
      return { exitCode, stdout: stdout.text, stderr: stderr.text };
    } catch (error) {
      if (!(error instanceof AbortError)) throw error;
      await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
      for (const text of [stdout, stderr]) text.stop();
      throw error.withOutput(stdout.text, stderr.text);
    }
  }
}

/** Listeners for what brun does. */
export interface Listeners {
  readonly onProgress?: ((event: ImageEvent) => void) | undefined;
  readonly network?: NetworkListeners | undefined;
}

/** The status of a shell for a program that a signal has ended. */
const SIGNALLED = 128;

/**
 * Starts brun with arguments that keep it in the foreground. Resolves when the program runs, or waits for `start`.
 * @param direct brun becomes the program, instead of a supervisor
 * @throws BrunError the error of brun; AbortError; nothing is left behind
 */
export async function startProcess<In extends StdinMode, Out extends OutputMode, Err extends OutputMode>(
  options: RuntimeOptions & StdioOptions<In, Out, Err>,
  args: readonly string[],
  config?: string,
  listeners: Listeners = {},
  direct = false,
): Promise<Process<In, Out, Err>> {
  const { signal, input } = options;
  if (signal?.aborted) throw new AbortError(signal);
  if (input !== undefined && options.stdin !== undefined) {
    throw usage("`input` and `stdin` exclude each other", undefined, "input");
  }
  const time = timeOf(options.timeout);
  const modes = [
    input === undefined ? (options.stdin ?? "ignore") : "pipe",
    options.stdout ?? "pipe",
    options.stderr ?? "pipe",
  ] as const;
  const stays = options.dieWithParent === false;
  const invoked = invoke(options, {
    args,
    config,
    client: true,
    network: listeners.network !== undefined,
    globals: ["--client", Connection.flag(modes, stays)],
    stdin: modes[0] === "pipe" ? "ignore" : modes[0],
    stdout: modes[1] === "pipe" ? "ignore" : modes[1],
    stderr: modes[2] === "pipe" ? "ignore" : modes[2],
  });
  const { child, exited } = invoked;
  const connection = new Connection(child, modes, input, listeners.onProgress);
  const channel = listeners.network && networkChannel(child, listeners.network, options.onWarning);
  let aborted: AbortError | null = null;
  const abort = (why: AbortSignal | number): void => {
    aborted ??= new AbortError(why);
    // brun ends and cleans up when its client has gone.
    if (!stays) connection.close();
    else if (direct) child.kill("SIGKILL");
    else if (connection.running)
      signalChildren(child.pid!, "SIGKILL", () => child.exitCode !== null || child.signalCode !== null);
    else child.kill("SIGTERM");
  };
  const onAbort = () => abort(signal!);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = time === undefined ? undefined : setTimeout(abort, time, time);
  const exit = exited.then(async (ending) => {
    signal?.removeEventListener("abort", onAbort);
    clearTimeout(timer);
    // Earlier messages of brun may still be on their way.
    await connection.ready;
    connection.close();
    await channel?.end();
    if (aborted !== null) throw aborted;
    if (!direct || !connection.running) return ending.code ?? Promise.reject(ended(ending));
    // brun says that the program runs just before it becomes the program, which may still fail.
    const error = invoked.finish();
    if (error !== null) throw error;
    return ending.signal === null ? ending.code! : SIGNALLED + constants.signals[ending.signal];
  });
  exit.catch(() => {});
  if (await connection.ready) {
    if (direct) invoked.told();
    else invoked.finish();
    return new Process(invoked, connection, exit, input !== undefined, direct);
  }
  connection.discard();
  const ending = await exited;
  const error = invoked.finish();
  throw aborted ?? connection.failure ?? error ?? ended(ending);
}

/** Whether a program may read stdin. */
export function isRead({ input, stdin = "ignore" }: StdioOptions): boolean {
  return input !== undefined || stdin !== "ignore";
}

function networkChannel(
  { stdio }: ChildProcess,
  listeners: NetworkListeners,
  onWarning: RuntimeOptions["onWarning"],
): NetworkChannel {
  // In Bun a process that could not be started has no such stream.
  const socket = (stdio as unknown as (Duplex | null)[])[NETWORK] ?? null;
  return new NetworkChannel(socket, listeners, onWarning);
}

/** Milliseconds; undefined for no limit. Throws a BrunError ERR_USAGE. */
function timeOf(timeout: number | string | undefined): number | undefined {
  const time = typeof timeout === "string" ? timeoutMs(timeout, "timeout") : timeout;
  if (time === undefined || time === 0 || time === Number.POSITIVE_INFINITY) return undefined;
  if (time > 0) return time;
  throw usage(`timeout: ${time} is no time`, "milliseconds, or such as 10s, 2m, 1h30m", "timeout");
}

/**
 * Sends the program a signal that its supervisor could not pass on. While brun becomes the supervisor its threads end. For a
 * moment the program may be in no thread's list of children.
 */
function signalChildren(pid: number, signal: NodeJS.Signals, isOver: () => boolean): void {
  if (isOver()) return;
  const children = childrenOf(pid);
  if (children.length === 0) setTimeout(signalChildren, AGAIN_MS, pid, signal, isOver);
  for (const child of children) {
    try {
      process.kill(child, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Children of all threads of a process (proc_pid_task_children(5)); those of a thread that is just ending may be missing. */
function childrenOf(pid: number): number[] {
  return ifThere(() => readdirSync(`/proc/${pid}/task`)).flatMap((task) =>
    ifThere(() => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
      .filter(Boolean)
      .map(Number),
  );
}

/** Reads files of a process, which are missing if it has ended meanwhile. */
function ifThere(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
