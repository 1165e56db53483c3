/**
 * NOTIFY_SOCKET: the container gets another socket, and brun passes its messages on (sd_notify(3)). `run` in the foreground
 * passes on all messages about the service. `run --detach` and `start` wait for READY=1 and end.
 */
import { variable } from "../../host/ask.ts";
import { uncacheable } from "../../host/recorder.ts";
import type { Spec } from "../../spec/index.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, close, mkdir, O, tryStat } from "../../sys/fs.ts";
import { POLLIN, waitFd } from "../../sys/poll.ts";
import { bindUnix, connectUnix, SOCK_DGRAM, sendFd } from "../../sys/socket.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import { paths } from "../state/store.ts";
import type { Runtime } from "../types.ts";

/** Both ends of the container's notifications. */
export interface NotifySockets {
  /** The socket to which the container writes. */
  readonly socket: number;
  /** A socket that is connected to the caller's NOTIFY_SOCKET. */
  readonly upstream: number;
}

/** The container's notification socket. */
export interface Notify {
  /** Null until `start`. */
  readonly sockets: NotifySockets | null;
  /** The spec with the socket's directory mounted. */
  readonly spec: Spec;
  readonly env: readonly string[];
}

const INSIDE = "/run/notify";

type Debug = Runtime["debug"];

/**
 * Makes the directory of the socket when the caller has NOTIFY_SOCKET set, and unless that is left to `start` the
 * socket in it. Throws a SysError.
 */
export function prepareNotify(
  root: string,
  id: string,
  spec: Spec,
  waitForStart: boolean,
  debug: Debug,
): Notify | null {
  const planned = planNotify(root, id, spec);
  if (planned === null) return null;
  mkdir(paths(root, id).notify, 0o755);
  return waitForStart ? planned : { ...planned, sockets: openNotify(root, id, debug) };
}

/** The result that {@link prepareNotify} would have; makes nothing. */
export function planNotify(root: string, id: string, spec: Spec): Notify | null {
  if (!variable("NOTIFY_SOCKET")) return null;
  uncacheable("NOTIFY_SOCKET is set");
  const { notify } = paths(root, id);
  const options = ["bind", "nosuid", "noexec", "nodev", "ro"];
  const mount = { destination: INSIDE, type: "bind", source: notify, options };
  return {
    sockets: null,
    spec: { ...spec, mounts: [...(spec.mounts ?? []), mount] },
    env: [`NOTIFY_SOCKET=${INSIDE}/notify.sock`],
  };
}

/**
 * Makes the socket; null when the caller has no NOTIFY_SOCKET, or had none when the container was created. One that
 * nobody listens to any more, as in a shell that a service has started, is ignored, as by runc and crun. Throws a SysError.
 */
export function openNotify(root: string, id: string, debug: Debug): NotifySockets | null {
  const outside = variable("NOTIFY_SOCKET");
  const { notify } = paths(root, id);
  if (!outside || typeof tryStat(notify) === "number") return null;
  let upstream: number;
  try {
    upstream = connectUnix(outside, SOCK_DGRAM);
  } catch (error) {
    debug?.(`NOTIFY_SOCKET: ${(error as Error).message}: the container's notifications go nowhere`);
    return null;
  }
  const path = `${notify}/notify.sock`;
  const socket = bindUnix(path, SOCK_DGRAM);
  syscall(NR.fchmodat, AT_FDCWD, cstr(path), 0o777);
  return { socket, upstream };
}

/** Waits until the container says READY=1, or ends, and hands that on with its pid. */
export function forwardReady({ socket, upstream }: NotifySockets, pid: number, pidfd: number): void {
  const poll = new Int32Array(4);
  const buffer = new Uint8Array(4096);
  for (;;) {
    poll.set([socket, POLLIN, pidfd, POLLIN]);
    if (syscall(NR.ppoll, poll, 2, 0, 0, 8) < 0) continue;
    if (poll[1]! >>> 16 !== 0) {
      const n = syscall(NR.recvfrom, socket, buffer, buffer.length, 0, 0, 0);
      const lines = fromUtf8(buffer.subarray(0, Math.max(0, n))).split("\n");
      if (!lines.includes("READY=1")) continue;
      const message = cstr(`READY=1\nMAINPID=${pid}\n`);
      const sent = syscall(NR.sendto, upstream, message, message.length - 1, 0, 0, 0);
      if (sent > 0) barrier(upstream);
      return;
    }
    if (poll[3]! >>> 16 !== 0) return;
  }
}

/** As long as sd_notify_barrier(3) is waited for by runc and crun. */
const BARRIER_MS = 30_000;

/**
 * Waits until systemd has read the messages. It looks up the sender, which must still exist then. systemd closes the
 * descriptor of the barrier message when it has read it.
 */
function barrier(upstream: number): void {
  const pipe = new Int32Array(2);
  if (syscall(NR.pipe2, pipe, O.CLOEXEC) < 0) return;
  try {
    sendFd(upstream, pipe[1]!, "BARRIER=1");
    close(pipe[1]!);
    waitFd(pipe[0]!, 0, BARRIER_MS);
  } catch {
    close(pipe[1]!);
  }
  close(pipe[0]!);
}
