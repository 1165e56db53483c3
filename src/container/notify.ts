/** NOTIFY_SOCKET: a socket of the container's own, whose messages are handed on (sd_notify(3)). */
import type { Spec } from "../spec/index.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, text, unlink } from "../sys/fs.ts";
import { bindUnix, connectUnix, SOCK_DGRAM } from "../sys/socket.ts";
import { paths } from "./store.ts";

/** The container's notification socket. */
export interface Notify {
  /** What the container writes to. */
  readonly socket: number;
  /** Connected to the caller's own NOTIFY_SOCKET. */
  readonly upstream: number;
  /** The spec with the socket mounted. */
  readonly spec: Spec;
  readonly env: readonly string[];
  readonly path: string;
}

const INSIDE = "/run/notify/notify.sock";

/** Makes the socket when the caller has NOTIFY_SOCKET set. Throws a SysError. */
export function prepareNotify(root: string, id: string, spec: Spec): Notify | null {
  const outside = process.env.NOTIFY_SOCKET;
  if (outside === undefined || outside === "") return null;
  const path = paths(root, id).notify;
  unlink(path);
  const socket = bindUnix(path, SOCK_DGRAM);
  syscall(NR.fchmodat, AT_FDCWD, cstr(path), 0o777);
  const upstream = connectUnix(outside, SOCK_DGRAM);
  const mount = {
    destination: INSIDE,
    type: "bind",
    source: path,
    options: ["bind", "nosuid", "noexec", "nodev"],
  };
  return {
    socket,
    upstream,
    path,
    spec: { ...spec, mounts: [...(spec.mounts ?? []), mount] },
    env: [`NOTIFY_SOCKET=${INSIDE}`],
  };
}

const POLLIN = 1;

/**
 * Waits until the container says READY=1, or ends, and hands that on: a detached brun is gone afterwards.
 */
export function forwardReady(notify: Notify, pid: number, pidfd: number): void {
  const poll = new Int32Array(4);
  const buffer = new Uint8Array(4096);
  for (;;) {
    poll.set([notify.socket, POLLIN, pidfd, POLLIN]);
    if (syscall(NR.ppoll, poll, 2, 0, 0, 8) < 0) continue;
    if (poll[1]! >>> 16 !== 0) {
      const n = syscall(NR.recvfrom, notify.socket, buffer, buffer.length, 0, 0, 0);
      const lines = text(buffer.subarray(0, Math.max(0, n))).split("\n");
      if (lines.includes("READY=1")) {
        const message = cstr(`READY=1\nMAINPID=${pid}\n`);
        syscall(NR.sendto, notify.upstream, message, message.length - 1, 0, 0, 0);
        return;
      }
    } else if (poll[3]! >>> 16 !== 0) return;
  }
}
