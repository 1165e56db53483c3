/**
 * Errors, warnings and debug lines: to stderr for people, and to the `--log` file in logrus's two formats, which
 * podman, docker and containerd read.
 */
import { errorLine } from "../errors.ts";
import { close, O, open, writeFd } from "../sys/fs.ts";
import { printError } from "./output.ts";

export type LogFormat = "text" | "json";
export type LogLevel = "error" | "warning" | "debug";

/** What `--log`, `--log-format` and `--debug` ask for. */
export interface LogOptions {
  /** Path of the log file; without it everything goes to stderr. */
  readonly file?: string | undefined;
  readonly format: LogFormat;
  readonly debug: boolean;
}

/** Writes one line for people. */
export type WriteLine = (level: LogLevel, message: string) => void;

/** Where lines go. */
export interface Log {
  /** The line of an error that ends the command; to the log file and to stderr. */
  error(error: unknown): void;
  /** To the log file, else to stderr. */
  warn(message: string): void;
  /** As `warn`, with `--debug` only. */
  debug(message: string): void;
}

/** One line as logrus writes it. Times are RFC 3339, in UTC. */
export function logLine(format: LogFormat, level: LogLevel, message: string, time: Date): string {
  const stamp = `${time.toISOString().slice(0, 19)}Z`;
  if (format === "json") return `${JSON.stringify({ level, msg: message, time: stamp })}\n`;
  const msg = /^[\w./@^+-]+$/.test(message) ? message : JSON.stringify(message);
  return `time="${stamp}" level=${level} msg=${msg}\n`;
}

/**
 * Makes the log. The file is created at once, so that a path that cannot be written is told before anything is
 * done, but not held open, so that its descriptor cannot be taken for one that the caller hands on.
 * @param human writes what goes to stderr, the line of an error apart
 * @throws SysError the log file cannot be opened
 */
export function createLog(options: LogOptions, human: WriteLine = plain): Log {
  const { file } = options;
  if (file !== undefined) close(openLog(file));
  const write = (level: LogLevel, message: string): void => {
    if (file === undefined) {
      human(level, message);
      return;
    }
    const fd = openLog(file);
    try {
      writeFd(fd, logLine(options.format, level, message, new Date()), file);
    } finally {
      close(fd);
    }
  };
  return {
    error(error) {
      const line = errorLine(error);
      if (file !== undefined) {
        try {
          write("error", line);
        } catch {}
      }
      plain("error", line);
      if (options.debug && error instanceof Error && error.stack !== undefined) write("debug", error.stack);
    },
    warn: (message) => write("warning", message),
    debug: (message) => {
      if (options.debug) write("debug", message);
    },
  };
}

function plain(level: LogLevel, message: string): void {
  printError(level === "error" ? `brun: ${message}\n` : `brun: ${level}: ${message}\n`);
}

function openLog(file: string): number {
  return open(file, O.WRONLY | O.CREAT | O.APPEND | O.NOCTTY, 0o644);
}
