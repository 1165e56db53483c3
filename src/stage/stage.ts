/** Starts the stage: a sealed memfd, executed with one end of a socketpair. */
import { BrunError } from "../errors.ts";
import { FrontFact } from "../plan/abi.ts";
import { askFront, NR, stageFd, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { spawn, waitChild } from "../sys/spawn.ts";
import { socketPair } from "./messages.ts";

/** A stage that waits for its first program. */
export interface Stage {
  /** brun's end of the socketpair. */
  readonly socket: number;
  /** The process that clones into the namespaces and then ends. brun has to reap it. */
  readonly pid: number;
  /** The errno of a failed execve, otherwise 0. After such a failure the socket ends without a message. */
  readonly execError: () => number;
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

let earlyTaken = false;

/** The stage that the front has started, for the first caller; null if there is none, or for later callers. */
function takeEarlyStage(): Stage | null {
  if (earlyTaken) return null;
  earlyTaken = true;
  const socket = askFront(FrontFact.socket);
  if (socket < 0) return null;
  return { socket, pid: askFront(FrontFact.pid), execError: () => 0 - askFront(FrontFact.error) };
}

/** Ends the stage that the front has started, if it has not been taken. */
export function dismissEarlyStage(): void {
  const stage = takeEarlyStage();
  if (stage === null) return;
  close(stage.socket);
  try {
    waitChild(stage.pid);
  } catch {
    // Another part of brun has reaped it.
  }
}

/** The descriptor of the stage's executable. Throws a BrunError. */
export function stageFile(): number {
  const fd = stageFd();
  if (fd >= 0) return fd;
  throw new BrunError("cannot load the stage: memfd_create failed", {
    hint: "/proc/sys/vm/memfd_noexec may forbid it, or there is no memory",
  });
}

/**
 * Starts a stage, or takes the one that the front has started. Does not wait until the stage is executed.
 * @param preserveFds how many descriptors from 3 on the container gets: Bun has marked them close-on-exec when it
 *   started
 * @param stdio descriptors that become 0, 1 and 2 instead of this process's
 * @throws SysError
 */
export function launchStage(preserveFds: number, stdio?: readonly [number, number, number]): Stage {
  const early = preserveFds === 0 && stdio === undefined ? takeEarlyStage() : null;
  if (early !== null) return early;
  const execFd = stageFile();
  const [ours, theirs] = socketPair();
  const keep: number[] = [];
  for (let fd = 3; fd < 3 + preserveFds; fd++) keep.push(fd);
  for (const fd of keep) syscall(NR.fcntl, fd, F_SETFD, 0);
  try {
    const { pid, pidfd, execError } = spawn({
      path: "brun-nsenter",
      argv: ["brun:[stage]", "stage", `${theirs}`],
      env: [],
      execFd,
      keepFd: theirs,
      goOn: true,
      ...(stdio && { stdio }),
    });
    if (pidfd >= 0) close(pidfd);
    return { socket: ours, pid, execError };
  } catch (error) {
    close(ours);
    throw error;
  } finally {
    close(theirs);
    for (const fd of keep) syscall(NR.fcntl, fd, F_SETFD, FD_CLOEXEC);
  }
}
