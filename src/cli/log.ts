/**
 * Errors, warnings and debug lines: to stderr for people, and to the `--log` file in logrus's two formats, which
 * podman, docker and containerd read.
 */

import { BrunError, type ErrorCode, errorLine } from "../errors.ts";
import { withGiven } from "../given-file.ts";
import { printable } from "../printable.ts";
import { SysError } from "../sys/error.ts";
import { close, O, open, writeFd } from "../sys/fs.ts";
import { printError } from "./output.ts";

export type LogFormat = "text" | "json";
export type LogLevel = "error" | "warning" | "debug";

/** What `--log`, `--log-format` and `--debug` ask for. */
export interface LogOptions {
  /** Path of the log file; without it everything goes to stderr, for people unless the format is JSON. */
  readonly file?: string | undefined;
  readonly format: LogFormat;
  readonly debug: boolean;
  /** Writes warnings and debug lines when there is no file; plain lines unless given. */
  readonly human?: ((level: LogLevel, message: string) => void) | undefined;
}

/** What an error's JSON line has beside `msg`, for programs such as the TypeScript API: the fields of {@link BrunError}. */
export interface ErrorFields {
  readonly message: string;
  readonly path?: string | undefined;
  readonly hint?: string | undefined;
  readonly code: ErrorCode;
}

function fieldsOf(error: unknown): ErrorFields {
  const message = printable(error instanceof Error ? error.message : String(error));
  if (error instanceof BrunError) {
    const { code, path, hint } = error;
    return { message, path: path && printable(path), hint: hint && printable(hint), code };
  }
  return { message, code: error instanceof SysError ? error.code : "ERR_FAILED" };
}

/**
 * One line as logrus writes it. Times are RFC 3339, in UTC.
 * @param fields further ones, in JSON only
 */
export function logLine(
  format: LogFormat,
  level: LogLevel,
  message: string,
  time: Date,
  fields?: ErrorFields,
): string {
  const stamp = `${time.toISOString().slice(0, 19)}Z`;
  const shown = printable(message);
  if (format === "json") return `${JSON.stringify({ level, msg: shown, time: stamp, ...fields })}\n`;
  const msg = /^[\w./@^+-]+$/.test(shown) ? shown : JSON.stringify(shown);
  return `time="${stamp}" level=${level} msg=${msg}\n`;
}

/**
 * Creates the log file, so that a path that cannot be written is told before anything is done. It is not held
 * open, so that its descriptor cannot be taken for one that the caller hands on.
 * @throws BrunError the file cannot be opened
 */
export function touchLog(file: string): void {
  close(withGiven(`--log ${file}`, file, "written", openLog));
}

let held = -1;

/** Opens the log file for good, since a process that has restricted itself can open it no more. Exec closes it. */
export function holdLog({ file }: LogOptions): void {
  if (file !== undefined) held = openLog(file);
}

/** A warning or debug line: to the log file, else to stderr. Debug lines with `--debug` only. */
export function log(options: LogOptions, level: "warning" | "debug", message: string): void {
  if (level === "debug" && !options.debug) return;
  if (options.file !== undefined) append(options.file, options.format, level, message);
  else if (options.format === "json") printError(logLine("json", level, message, new Date()));
  else if (options.human !== undefined) options.human(level, message);
  else printError(`brun: ${level}: ${message}\n`);
}

/** The line of an error that ends the command: to the log file and to stderr. With `--debug` its stack too. */
export function logError(options: LogOptions, error: unknown): void {
  const line = errorLine(error);
  const { file, format } = options;
  if (file !== undefined) append(file, format, "error", line, fieldsOf(error));
  const inJson = file === undefined && format === "json";
  printError(inJson ? logLine("json", "error", line, new Date(), fieldsOf(error)) : `brun: ${line}\n`);
  if (error instanceof Error && error.stack !== undefined) log(options, "debug", error.stack);
}

/** Appends one line. A log that cannot be written any more is no reason to fail. */
function append(
  file: string,
  format: LogFormat,
  level: LogLevel,
  message: string,
  fields?: ErrorFields,
): void {
  try {
    const fd = held < 0 ? openLog(file) : held;
    try {
      writeFd(fd, logLine(format, level, message, new Date(), fields), file);
    } finally {
      if (fd !== held) close(fd);
    }
  } catch {}
}

function openLog(file: string): number {
  return open(file, O.WRONLY | O.CREAT | O.APPEND | O.NOCTTY, 0o644);
}
