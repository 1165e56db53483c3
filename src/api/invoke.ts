/**
 * Starts a brun process, which does all work of the API. An operation blocks (hooks, systemd), makes children, catches signals
 * and becomes a supervisor. None of this may happen in the program that imports the API.
 */
import { type ChildProcess, type StdioOptions as Descriptors, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import type { Readable } from "node:stream";
import { BrunError, type ErrorCode } from "../errors.ts";
import { AbortError } from "./abort-error.ts";
import { Scratch } from "./files.ts";
import { optionsIn } from "./options.ts";
import { type CallOptions, executable, globalFlags, type RuntimeOptions } from "./runtime.ts";

/** The descriptors that a brun process gets beside stdio: log, socket to us, config, socket to its relay. */
const LOG = "/proc/self/fd/3";
/** The socket's number in brun. */
export const CLIENT = 4;
const CONFIG = "/proc/self/fd/5";
/** The number of the relay's socket in brun. */
export const NETWORK = 6;

/** How to start brun. */
export interface Invocation {
  /** Command and arguments. "%config" stands for the path of `config`. */
  readonly args: readonly string[];
  /** Global flags besides those of the options. */
  readonly globals?: readonly string[];
  readonly stdin?: "ignore" | "inherit" | "pipe" | undefined;
  readonly stdout?: "ignore" | "inherit" | "pipe" | undefined;
  readonly stderr?: "ignore" | "inherit" | undefined;
  /** Text of a config.json. */
  readonly config?: string | undefined;
  /** Whether it has a socket to us. */
  readonly client?: boolean;
  /** Whether its relay has one. */
  readonly network?: boolean;
}

/** A brun process and its log. */
export interface Invoked {
  readonly child: ChildProcess;
  /** When brun, or the supervisor that it has become, has ended; never rejects. */
  readonly exited: Promise<Ending>;
  /** Passes on the warnings that have come since the last call. */
  told(): void;
  /** The same when brun is done. Returns the error, which may have come before. To be called once. */
  finish(): BrunError | null;
}

/** How a process has ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not be started. */
  readonly error?: BrunError;
}

/** Starts brun. Throws a BrunError ERR_NO_BRUN. */
export function invoke(options: RuntimeOptions, invocation: Invocation): Invoked {
  const path = executable(options);
  const { stdin = "ignore", stdout = "ignore", stderr = "ignore", config } = invocation;
  const { client = false, network = false } = invocation;
  const args = invocation.args.map((arg) => (arg === "%config" ? CONFIG : arg));
  const log = new Scratch("");
  const file = config === undefined ? null : new Scratch(config);
  const { BUN_BE_BUN: _, BUN_OPTIONS: __, ...env } = process.env;
  const words = [
    ...["--log", LOG, "--log-format", "json"],
    ...globalFlags(options),
    ...(invocation.globals ?? []),
    ...args,
  ];
  const stdio: Descriptors = [
    ...[stdin, stdout, stderr, log.fd],
    ...[client ? ("pipe" as const) : ("ignore" as const), file?.fd ?? ("ignore" as const)],
    ...(network ? ["pipe" as const] : []),
  ];
  let child: ChildProcess;
  try {
    child = spawn(path, words, { env, stdio });
  } catch (error) {
    log.close();
    throw notStarted(path, error);
  } finally {
    file?.close();
  }
  const exited = new Promise<Ending>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => resolve({ code: null, signal: null, error: notStarted(path, error) }));
  });
  let read = 0;
  let error: BrunError | null = null;
  let finished = false;
  const told = () => {
    if (finished) return;
    const text = log.text();
    const end = text.lastIndexOf("\n") + 1;
    error = readLog(text.slice(read, end), options) ?? error;
    read = end;
  };
  return {
    child,
    exited,
    told,
    finish() {
      told();
      finished = true;
      log.close();
      return error;
    },
  };
}

function notStarted(path: string, error: unknown): BrunError {
  const why = error instanceof Error && "code" in error ? error.code : error;
  return new BrunError(`cannot start ${path}: ${why}`, {
    code: "ERR_NO_BRUN",
    hint: "the option `brun` or the variable BRUN names the executable",
    cause: error,
  });
}

/** Runs brun to its end and returns its stdout. Throws the BrunError that it has logged, or an AbortError. */
export async function call(
  options: RuntimeOptions & CallOptions,
  args: readonly string[],
  extra: {
    readonly stdin?: string;
    readonly config?: string | undefined;
    readonly accept?: number;
    /** Is given the process, with a socket to us. */
    readonly client?: ((child: ChildProcess) => void) | undefined;
  } = {},
): Promise<string> {
  const { signal } = options;
  if (signal?.aborted) throw new AbortError(signal, "brun");
  const { child, exited, finish } = invoke(options, {
    args,
    config: extra.config,
    stdin: extra.stdin === undefined ? "ignore" : "pipe",
    stdout: "pipe",
    ...(extra.client && { client: true, globals: ["--client", `${CLIENT}`] }),
  });
  extra.client?.(child);
  const abort = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", abort, { once: true });
  child.stdin?.on("error", () => {}).end(extra.stdin);
  const [text, ending] = await Promise.all([textOf(child.stdout!), exited]);
  signal?.removeEventListener("abort", abort);
  const error = finish();
  if (ending.code === null || ending.code > (extra.accept ?? 0) || error !== null) {
    throw signal?.aborted ? new AbortError(signal, "brun") : (error ?? ended(ending));
  }
  return text;
}

/** Reads to the end; of a process that could not be started there is none. */
function textOf(stream: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (part: string) => {
      text += part;
    });
    for (const event of ["end", "close", "error"]) stream.once(event, () => resolve(text));
  });
}

/** The error for a brun that ended without a message. */
export function ended({ code, signal, error }: Ending): BrunError {
  return error ?? new BrunError(`brun has ended: ${signal ?? `exit code ${code}`}`);
}

/** Closes descriptors. */
export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd);
    } catch {}
  }
}

interface LogEntry {
  readonly level: string;
  readonly msg: string;
  /** The fields of an error's line. The front writes only message and code. */
  readonly message?: string;
  readonly path?: string;
  readonly hint?: string;
  readonly code?: ErrorCode;
}

function readLog(text: string, options: RuntimeOptions): BrunError | null {
  let error: BrunError | null = null;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const entry: LogEntry = JSON.parse(line);
    if (entry.level === "warning") options.onWarning?.(entry.msg);
    if (entry.level === "error") error = errorOf(entry);
  }
  return error;
}

/** The error that was thrown in the brun process, from the fields of its line, with options in the place of flags. */
function errorOf({ msg, message = msg, path, hint, code }: LogEntry): BrunError {
  // The config was an object, so its file means nothing to the caller.
  const where = path === undefined || path === CONFIG ? undefined : optionsIn(path);
  return new BrunError(optionsIn(message), { code, where, hint: hint && optionsIn(hint) });
}
