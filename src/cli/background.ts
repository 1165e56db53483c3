/**
 * A detached container with someone who waits for it: `run --detach --rm` and the like start themselves again in the
 * background, where they are `run` in the foreground.
 */
import { BrunError } from "../errors.ts";
import { dismissEarlyStage } from "../stage/stage.ts";
import { environmentStrings, givenArguments, ownCommand } from "../sys/environment.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, open } from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { shellStatus, spawn, waitChild } from "../sys/spawn.ts";

/** Hidden flag of the second process: where it says that the program runs. */
const BACKGROUND_FLAG = "ready-fd";

/**
 * Runs this command again in the background and waits until its program runs.
 * @param rest the arguments behind the command's name
 * @param name of the container, where the arguments do not have one
 * @returns 0, or the exit code with which it failed; it has told why
 */
export function runInBackground(rest: readonly string[], name: string | null): number {
  const given = givenArguments();
  const before = given.slice(0, given.length - rest.length);
  const { reader, writer } = makePipe();
  const stdin = open("/dev/null", O.RDONLY);
  const self = ownCommand();
  const own = [`--${BACKGROUND_FLAG}=${writer}`, ...(name === null ? [] : [`--name=${name}`])];
  const argv = [...self, ...before, ...own, ...rest];
  const child = spawn({
    path: self[0],
    argv,
    env: environmentStrings(),
    stdio: [stdin, -1, -1],
    keepFd: writer,
  });
  close(writer);
  const byte = new Uint8Array(1);
  if (check(syscall(NR.read, reader, byte, 1), "wait for the container") === 1) return 0;
  return shellStatus(waitChild(child.pid)) || 1;
}

/** In the background process: leaves the caller's session. Returns what says that the program runs. */
export function inBackground(fd: number): () => void {
  // The stage that is there already is in the old session.
  dismissEarlyStage();
  syscall(NR.setsid);
  return () => {
    if (syscall(NR.write, fd, new Uint8Array([1]), 1) < 0) throw new BrunError("the caller has gone");
    close(fd);
  };
}
