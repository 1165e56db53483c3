/** Socket activation: LISTEN_FDS handed on to the container (sd_listen_fds(3)). */

/** Descriptors and variables to hand on. */
export interface ListenFds {
  readonly count: number;
  readonly env: readonly string[];
}

/**
 * What the caller was given by socket activation. LISTEN_PID becomes 1, the container's process in its own
 * pid namespace, as runc and crun do.
 */
export function listenFds(): ListenFds {
  const count = Number(process.env.LISTEN_FDS ?? "0");
  if (!Number.isSafeInteger(count) || count <= 0) return { count: 0, env: [] };
  const names = process.env.LISTEN_FDNAMES;
  return {
    count,
    env: [`LISTEN_FDS=${count}`, "LISTEN_PID=1", ...(names === undefined ? [] : [`LISTEN_FDNAMES=${names}`])],
  };
}
