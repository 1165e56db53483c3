/** Socket activation: LISTEN_FDS handed on to the container (sd_listen_fds(3)). */
import { LISTEN_PID } from "../init/exec.ts";
import { variable } from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";

/** Descriptors and variables to hand on. */
export interface ListenFds {
  readonly count: number;
  /** LISTEN_PID is left empty: the process's own pid is known only to itself, see src/init/exec.ts. */
  readonly env: readonly string[];
}

/** What socket activation has given to this very process; what LISTEN_PID has for another is none of ours. */
export function listenFds(): ListenFds {
  const { env } = process;
  const count = Number(env.LISTEN_FDS ?? "0");
  if (!Number.isSafeInteger(count) || count <= 0 || Number(env.LISTEN_PID) !== syscall(NR.getpid)) {
    return { count: 0, env: [] };
  }
  const given = variable("LISTEN_FDNAMES");
  const names = given === undefined ? [] : [`LISTEN_FDNAMES=${given}`];
  return { count, env: [`LISTEN_FDS=${count}`, LISTEN_PID, ...names] };
}
