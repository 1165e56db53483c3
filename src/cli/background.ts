/**
 * A detached container with a supervisor: `run --detach` without a bundle starts itself again in the background, where it works
 * as `run` in the foreground.
 */
import { BrunError } from "../errors.ts";
import { dismissEarlyStage } from "../stage/stage.ts";
import { environmentStrings, givenArguments, ownCommand } from "../sys/environment.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, open } from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { shellStatus, spawn, waitChild } from "../sys/spawn.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { SIGNAL_NAMES } from "./signals.ts";

/** Hidden flag of the second process: the descriptor on which it reports that the program runs. */
const BACKGROUND_FLAG = "ready-fd";

/** As long as the longest name. */
const NAME_MAX = 255;

/**
 * Runs this command again in the background and waits until its program runs.
 * @param rest the arguments behind the command's name
 * @returns the container's name, or the exit code with which it failed after it has printed the error
 */
export function runInBackground(rest: readonly string[]): string | number {
  const given = givenArguments();
  const before = given.slice(0, given.length - rest.length);
  const { reader, writer } = makePipe();
  const stdin = open("/dev/null", O.RDONLY);
  const self = ownCommand();
  const child = spawn({
    path: self[0],
    argv: [...self, ...before, `--${BACKGROUND_FLAG}=${writer}`, ...rest],
    env: environmentStrings(),
    stdio: [stdin, -1, -1],
    keepFd: writer,
  });
  close(writer);
  const name = new Uint8Array(NAME_MAX);
  const length = check(syscall(NR.read, reader, name, name.length), "wait for the container");
  if (length > 0) return fromUtf8(name.subarray(0, length));
  const { code, signal } = waitChild(child.pid);
  // Its last words on stderr went to the container's log, which is deleted with the container.
  if (signal !== 0) throw endedBy(signal);
  return code || 1;
}

function endedBy(signal: number): BrunError {
  const name = SIGNAL_NAMES.split(" ")[signal - 1] ?? signal;
  return new BrunError(`the process in the background was ended by a signal: ${name}`, {
    exitCode: shellStatus({ code: 0, signal }),
    hint:
      name === "ABRT"
        ? "it aborts where it may start no thread: pids.max of the cgroup, or ulimit -u"
        : undefined,
  });
}

/** The command line of the process in the foreground. */
export function wordsInForeground(given: readonly string[]): readonly string[] {
  return given[0]?.startsWith(`--${BACKGROUND_FLAG}=`) === true ? given.slice(1) : given;
}

/** In the background process: leaves the caller's session. Returns what says that the program of a container runs. */
export function inBackground(fd: number): (name: string) => void {
  // The stage that the front has started is in the old session.
  dismissEarlyStage();
  syscall(NR.setsid);
  return (name) => {
    const bytes = utf8(name);
    if (syscall(NR.write, fd, bytes, bytes.length) < 0) throw new BrunError("the caller has gone");
    close(fd);
  };
}
