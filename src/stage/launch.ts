/** Starting the stage: a sealed memfd, executed with one end of a socketpair. */
import { NR, stageFd, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { spawn } from "../sys/spawn.ts";
import { socketPair } from "./messages.ts";

/** A stage that waits for its first program. */
export interface Stage {
  /** Our end of the socketpair. */
  readonly socket: number;
  /** The process that clones into the namespaces and ends then; to be reaped. */
  readonly pid: number;
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Starts a stage.
 * @param preserveFds how many descriptors from 3 on the container shall have: Bun has marked them
 *   close-on-exec when it started
 * @param inherit further descriptors that the program uses by number
 * Throws a SysError.
 */
export function launchStage(preserveFds: number, inherit: readonly number[] = []): Stage {
  const [ours, theirs] = socketPair();
  const keep = [...inherit];
  for (let fd = 3; fd < 3 + preserveFds; fd++) keep.push(fd);
  for (const fd of keep) syscall(NR.fcntl, fd, F_SETFD, 0);
  try {
    const { pid, pidfd } = spawn({
      path: "brun-nsenter",
      argv: ["brun:[stage]", "stage", `${theirs}`],
      env: [],
      execFd: stageFd,
      keepFd: theirs,
    });
    if (pidfd >= 0) close(pidfd);
    return { socket: ours, pid };
  } catch (error) {
    close(ours);
    throw error;
  } finally {
    close(theirs);
    for (const fd of keep) syscall(NR.fcntl, fd, F_SETFD, FD_CLOEXEC);
  }
}
