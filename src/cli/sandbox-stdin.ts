/** stdin of a container without a bundle: whether the program has it, and what it has otherwise. */
import type { Runtime } from "../container/types.ts";
import { isInBackground, isTerminal } from "../host/ask-caller.ts";
import { dismissEarlyStage } from "../stage/stage.ts";
import { IOCTL } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O, open } from "../sys/fs.ts";
import type { Values } from "./flags.ts";
import type { sandboxRunFlags } from "./sandbox-flags.ts";

/**
 * Whether the program gets brun's stdin and a terminal: both for a shell that was not named. A program of --host reads the same
 * stdin as without brun, unless that is a terminal and brun is in its background.
 */
export function stdio(
  args: Values<typeof sandboxRunFlags>,
  program: readonly string[],
): [interactive: boolean, terminal: boolean] {
  const shell = program.length === 0 && !args.detach && !args.interactive && !args.tty;
  if (shell && isTerminal(0) && isTerminal(1)) return [true, true];
  const plain = args.host && !args.detach && !isInBackground();
  return [args.interactive || shell || plain, args.tty];
}

/** Whether brun's stdin is a pipe to which somebody has written. */
function isBeingWritten(): boolean {
  const unread = new Int32Array(1);
  if (isTerminal(0) || syscall(NR.lseek, 0, 0, SEEK_CUR) !== -E.ESPIPE) return false;
  return syscall(NR.ioctl, 0, IOCTL.FIONREAD, unread) === 0 && unread[0]! > 0;
}

const SEEK_CUR = 1;

export function emptyStdin(rt: Runtime): void {
  if (isBeingWritten()) {
    rt.warn("the program does not read what comes from the pipe; hint: -i (--interactive) hands it on");
  }
  const fd = open("/dev/null", O.RDONLY);
  // The stage that the front has started has the old stdin.
  dismissEarlyStage();
  check(syscall(NR.dup3, fd, 0, 0), "replace stdin");
  close(fd);
}
