/**
 * Starting a brun process. Everything that the API does is done in one: an operation blocks (hooks, systemd), makes
 * children, catches signals and becomes a supervisor, none of which may happen to the program that imports this.
 */
import { closeSync } from "node:fs";
import { BrunError, type ErrorCode } from "../errors.ts";
import { Scratch } from "./files.ts";
import { executable, globalFlags, type RuntimeOptions } from "./runtime.ts";

/** The descriptors that a brun process gets beside stdio, in this order. */
const LOG = "/proc/self/fd/3";
const CONFIG = "/proc/self/fd/5";

/** What Bun.spawn takes for a standard stream. */
export type Stream = "ignore" | "inherit" | "pipe" | number;

/** How to start brun. */
export interface Invocation {
  /** Command and arguments. "%config" stands for the path of `config`. */
  readonly args: readonly string[];
  readonly stdin?: Stream | Blob | undefined;
  readonly stdout?: Stream | undefined;
  readonly stderr?: Stream | undefined;
  /** Text of a config.json. */
  readonly config?: string | undefined;
  /** Close-on-exec in brun: its reader is at its end when brun has ended or become a supervisor. */
  readonly ready?: number | undefined;
}

/** A brun process and its log. */
export interface Invoked {
  readonly child: Bun.Subprocess;
  /** Passes the warnings on and returns the error, if the log has one; to be called once, when brun is done. */
  finish(): BrunError | null;
}

/** Starts brun. Throws a BrunError ERR_NO_BRUN. */
export function invoke(options: RuntimeOptions, invocation: Invocation): Invoked {
  const path = executable(options);
  const { stdin = "ignore", stdout = "ignore", stderr = "ignore", ready, config } = invocation;
  const args = invocation.args.map((arg) => (arg === "%config" ? CONFIG : arg));
  const log = new Scratch("");
  using file = config === undefined ? null : new Scratch(config);
  const { BUN_BE_BUN: _, BUN_OPTIONS: __, ...env } = process.env;
  const child = Bun.spawn([path, "--log", LOG, "--log-format", "json", ...globalFlags(options), ...args], {
    env,
    stdio: [stdin, stdout, stderr, log.fd, ready ?? "ignore", file?.fd ?? "ignore"],
  });
  if (ready !== undefined) closeSync(ready);
  return {
    child,
    finish() {
      using done = log;
      return readLog(done.text(), options);
    },
  };
}

/** Runs brun to its end and returns its stdout. Throws the BrunError that it has logged. */
export async function call(
  options: RuntimeOptions,
  args: readonly string[],
  extra: { readonly stdin?: Blob; readonly config?: string | undefined; readonly accept?: number } = {},
): Promise<string> {
  const { child, finish } = invoke(options, { args, ...extra, stdout: "pipe" });
  const text = await new Response(child.stdout as ReadableStream).text();
  const code = await child.exited;
  const error = finish();
  if (code > (extra.accept ?? 0) || error !== null) throw error ?? ended(child);
  return text;
}

/** The error of a brun that ended without a word. */
export function ended(child: Bun.Subprocess): BrunError {
  const how = child.signalCode === null ? `exit code ${child.exitCode}` : `${child.signalCode}`;
  return new BrunError(`brun has ended: ${how}`);
}

interface LogEntry {
  readonly level: string;
  readonly msg: string;
  readonly code?: ErrorCode;
  readonly where?: string;
  readonly hint?: string;
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

/** The error that was thrown in the brun process, from its line and the parts that the log names. */
function errorOf({ msg, code, where, hint }: LogEntry): BrunError {
  const start = where === undefined ? 0 : where.length + 2;
  const message = msg.slice(start, hint === undefined ? undefined : -`; hint: ${hint}`.length);
  if (where !== CONFIG) return new BrunError(message, { code, where, hint });
  // The config was an object, so its file means nothing; its first mistake begins with a path in it.
  const [, path, rest] = /^([a-z]\w*(?:[.[]\S*)?): (.*)$/i.exec(message) ?? [];
  return new BrunError(rest ?? message, { code, where: path, hint });
}
