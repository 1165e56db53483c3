/** Socket activation: LISTEN_FDS handed on to the container (sd_listen_fds(3)). */
import { call, variable } from "../../host/ask.ts";
import { uncacheable } from "../../host/recorder.ts";
import { LISTEN_PID } from "../../init/exec.ts";

/** Descriptors and variables to hand on. */
export interface ListenFds {
  readonly count: number;
  /** LISTEN_PID is empty, because only the process itself knows its pid: see src/init/exec.ts. */
  readonly env: readonly string[];
}

const NONE: ListenFds = { count: 0, env: [] };

/** The descriptors of socket activation, if LISTEN_PID names this process. */
export function listenFds(): ListenFds {
  const count = Number(variable("LISTEN_FDS") ?? "0");
  if (!Number.isSafeInteger(count) || count <= 0) return NONE;
  uncacheable("LISTEN_FDS may be for this process");
  if (Number(variable("LISTEN_PID")) !== call("getpid")) return NONE;
  const given = variable("LISTEN_FDNAMES");
  const names = given === undefined ? [] : [`LISTEN_FDNAMES=${given}`];
  return { count, env: [`LISTEN_FDS=${count}`, LISTEN_PID, ...names] };
}
