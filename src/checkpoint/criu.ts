/** Talks to CRIU: one `criu swrk` process for each request (criu.org/RPC), over a SOCK_SEQPACKET socket. */

import { BrunError } from "../errors.ts";
import { findProgram } from "../host/find-program.ts";
import { installHint, PACKAGES } from "../package-names.ts";
import { socketPair } from "../stage/messages.ts";
import { environmentStrings, variable } from "../sys/environment.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, readText } from "../sys/fs.ts";
import { receiveWithFd } from "../sys/socket.ts";
import { spawn, waitChild } from "../sys/spawn.ts";
import { cgroupOptions, keepCgroupOptions } from "./cgroup-options.ts";
import {
  type CriuRequest,
  type CriuResponse,
  decodeResponse,
  encodeRequest,
  type Features,
  Request,
} from "./rpc.ts";

/** 3.16 (2021): external namespaces, the freezer of cgroup v2, status notifications, other LSM profiles. */
const OLDEST = 31600;
/** The first version of CRIU that works for users with CAP_CHECKPOINT_RESTORE (`--unprivileged`). */
const UNPRIVILEGED = 31800;

const PACKET_SIZE = 65536;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;

/**
 * Called for each stage of CRIU's work. `fd` is the descriptor that came with it, which the function has to close,
 * or -1.
 */
export type Notified = (script: string, pid: number, fd: number) => void;

/** The CRIU of this machine. Throws a BrunError if it is missing or too old, or the caller may not use it. */
export class Criu {
  readonly path: string;
  /** As {@link CriuResponse.version}. */
  readonly version: number;
  /** Whether the requests are those of a user who is not root. */
  readonly unprivileged: boolean;

  constructor(privileged: boolean) {
    this.path = findCriu();
    this.version = this.ask({ type: Request.VERSION }).version;
    if (this.version < OLDEST) {
      throw new BrunError(`criu ${versionText(this.version)} is too old`, {
        hint: `brun needs ${versionText(OLDEST)} or later`,
      });
    }
    this.unprivileged = !privileged;
    if (!privileged) requireRight(this.version);
  }

  /** Throws a BrunError unless both CRIU and the kernel have a feature. */
  require(feature: keyof Features, flag: string): void {
    const { features } = this.ask({ type: Request.FEATURE_CHECK, features: { [feature]: true } });
    if (features[feature]) return;
    throw new BrunError(`${flag} cannot be had: this kernel or this criu lacks it`, {
      where: flag,
      hint: `criu check --feature ${feature === "memTrack" ? "mem_dirty_track" : "uffd"} says more`,
    });
  }

  /** As {@link CriuProcess.ask}, with a process for this request alone. */
  ask(request: CriuRequest, notified?: Notified): CriuResponse {
    const criu = this.start();
    try {
      return criu.ask(request, notified);
    } finally {
      criu.end();
    }
  }

  /**
   * Starts a process. Throws a SysError.
   * @param handOn descriptors that the request will name; CRIU gets them under the same numbers
   */
  start(handOn: readonly number[] = []): CriuProcess {
    const options = cgroupOptions();
    const [ours, theirs] = socketPair();
    const setFlags = (flags: number) => {
      for (const fd of handOn) syscall(NR.fcntl, fd, F_SETFD, flags);
    };
    setFlags(0);
    try {
      const { pid } = spawn({
        path: this.path,
        argv: ["criu", "swrk", `${theirs}`],
        env: environmentStrings(),
        keepFd: theirs,
      });
      return new CriuProcess(pid, ours, options);
    } catch (error) {
      close(ours);
      throw error;
    } finally {
      setFlags(FD_CLOEXEC);
      // Closed, so that brun notices when CRIU dies.
      close(theirs);
    }
  }
}

/** A running CRIU. */
class CriuProcess {
  constructor(
    readonly pid: number,
    private readonly socket: number,
    /** The options of the host's cgroup v2 before CRIU started. */
    private readonly cgroupOptions: readonly string[],
  ) {}

  /**
   * Sends a request and answers notifications until there is a result. Throws a CriuFailure, and
   * the errors of `notified`.
   */
  ask(request: CriuRequest, notified?: Notified): CriuResponse {
    send(this.socket, request);
    for (;;) {
      const { response, fd } = receive(this.socket);
      if (!response.success) {
        const [why = `errno ${response.errno}`] = errorsIn(response.message);
        throw new CriuFailure(`criu failed: type ${typeName(response.type)} ${why}`);
      }
      if (response.type !== Request.NOTIFY) return response;
      notified?.(response.notify.script, response.notify.pid, fd);
      send(this.socket, { type: Request.NOTIFY, notifySuccess: true });
    }
  }

  /** Ends and reaps the process, and restores the options of the host's cgroup v2. */
  end(): void {
    close(this.socket);
    waitChild(this.pid);
    keepCgroupOptions(this.cgroupOptions);
  }
}

/** CRIU reported a failure. Its log may have more details. */
export class CriuFailure extends BrunError {}

/** The errors in CRIU's output, without times, pids and source positions. */
export function errorsIn(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const match = /Error \([^)]*\): (.*)$/.exec(line);
    return match === null ? [] : [match[1]!.trim().replace(/\.$/, "")];
  });
}

function findCriu(): string {
  const path = findProgram("criu", `${variable("PATH") ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`);
  if (path !== null) return path;
  throw new BrunError("criu is not installed, and checkpoint and restore need it", {
    hint: installHint(PACKAGES.criu),
  });
}

const CAP_SYS_ADMIN = 21n;
const CAP_CHECKPOINT_RESTORE = 40n;

/** A user who is not root needs a capability (Linux 5.9), and a CRIU that works with it. */
function requireRight(version: number): void {
  const status = readText("/proc/self/status");
  const caps = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? "0"}`);
  const has = (cap: bigint) => ((caps >> cap) & 1n) === 1n;
  const why =
    !has(CAP_CHECKPOINT_RESTORE) && !has(CAP_SYS_ADMIN)
      ? "you have neither root's rights nor CAP_CHECKPOINT_RESTORE"
      : version < UNPRIVILEGED
        ? `criu ${versionText(version)} works for root only; ${versionText(UNPRIVILEGED)} is the first that needs less`
        : null;
  if (why === null) return;
  throw new BrunError(`checkpoint and restore are for root: ${why}`, {
    hint: "call brun as root, for a container that root has made",
  });
}

function versionText(version: number): string {
  const [major, minor, sub] = [Math.floor(version / 10000), Math.floor(version / 100) % 100, version % 100];
  return `${major}.${minor}${sub === 0 ? "" : `.${sub}`}`;
}

function typeName(type: number): string {
  return Object.entries(Request).find(([, number]) => number === type)?.[0] ?? `${type}`;
}

const MSG_NOSIGNAL = 0x4000;

function send(socket: number, request: CriuRequest): void {
  const bytes = encodeRequest(request);
  let n: number;
  do n = syscall(NR.sendto, socket, bytes, bytes.length, MSG_NOSIGNAL, 0, 0);
  while (n === -E.EINTR);
  // If CRIU has ended, receiving its answer reports that.
  if (n !== -E.EPIPE && n !== -E.ECONNRESET) check(n, "send to criu");
}

function receive(socket: number): { response: CriuResponse; fd: number } {
  const data = new Uint8Array(PACKET_SIZE);
  const { length, fd } = receiveWithFd(socket, data, "criu");
  if (length === 0) throw new CriuFailure("criu has ended without an answer");
  return { response: decodeResponse(data.subarray(0, length)), fd };
}
