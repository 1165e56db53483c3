/**
 * Writing to stdout and stderr. Not through process.stdout: that sets O_NONBLOCK on a pipe that others share.
 */
import { printable } from "../printable.ts";
import { dismissEarlyStage } from "../stage/stage.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { writeFd } from "../sys/fs.ts";

const SIGPIPE_STATUS = 128 + 13;

/**
 * Ends the process at once. Nothing is buffered, so Bun's own exit would do nothing more.
 * @param code exit status, 0 to 255
 */
export function exit(code: number): never {
  dismissEarlyStage();
  syscall(NR.exit_group, code);
  throw new Error("unreachable");
}

/** Writes to stdout, for people or as JSON ({@link printable}). */
export function print(text: string): void {
  printRaw(printable(text));
}

/**
 * Writes to stdout what is to act on a terminal: brun's own marks, around texts that are printable already. A reader
 * that has gone ends the process as SIGPIPE would (Bun ignores that signal).
 */
export function printRaw(text: string): void {
  toStdout(() => writeFd(1, text, "stdout"));
}

/** Runs a function that writes to stdout, and ends the process in the same way if the reader has gone. */
export function toStdout(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof SysError && error.errno === E.EPIPE) exit(SIGPIPE_STATUS);
    throw error;
  }
}

/** Writes to stderr, for people. A failure is ignored, since it could not be reported. */
export function printError(text: string): void {
  printErrorRaw(printable(text));
}

/** {@link printRaw} to stderr. */
export function printErrorRaw(text: string): void {
  try {
    writeFd(2, text, "stderr");
  } catch {}
}

const TCGETS = 0x5401;

/** Whether a file descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return syscall(NR.ioctl, fd, TCGETS, new Uint8Array(64)) === 0;
}
