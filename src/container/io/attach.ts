/** `brun attach`: the output of a detached container from now on, and its stdin where that was kept open. */

import { BrunError } from "../../errors.ts";
import { Attach, RELAY_SIZE } from "../../plan/abi.ts";
import { IOCTL } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { die, releaseSignals, watchSignals } from "../../sys/interrupt.ts";
import { POLLIN, POLLOUT } from "../../sys/poll.ts";
import { connectUnix, SOCK_DGRAM } from "../../sys/socket.ts";
import { openProcess, signalProcess } from "../state/process.ts";
import { statusOf } from "../state/status.ts";
import { paths, requireState, type StoredState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { DetachKeys } from "./detach-keys.ts";
import { exitCodeOf, hasEnded, openResult } from "./kept-process.ts";
import { forgetEvents, watchKept } from "./kept-watch.ts";
import { type LogEntry, LogReader } from "./log-reader.ts";
import { enterRawMode, isTerminal, leaveRawMode } from "./terminal.ts";

/** Options of attach; names as podman's flags. */
export interface AttachOptions {
  readonly id: string;
  readonly stdin: boolean;
  /** Bytes that leave the container when they are typed; empty for no such keys. */
  readonly detachKeys: readonly number[];
  /** Whether signals go to the container; otherwise they end this process. */
  readonly sigProxy: boolean;
  readonly show: (entry: LogEntry) => void;
}

const SIGWINCH = 28;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Runs until the container ends, and returns its exit code, or 0 if the user has left it. Throws a BrunError. */
export function attach(rt: Runtime, options: AttachOptions): number {
  const stored = requireState(rt.root, options.id);
  const result = openResult(rt.root, stored);
  if (result < 0) {
    throw new BrunError(`there is nothing to attach to: the output of container ${options.id} is not kept`, {
      code: "ERR_STATE",
      hint: `that of brun run --detach with --host or --rootfs is; \`brun exec -t ${options.id} sh\` opens a shell`,
    });
  }
  const status = statusOf(rt.root, stored);
  if (status === "stopped" || hasEnded(result)) {
    throw new BrunError(`container ${options.id} has ended`, {
      code: "ERR_STATE",
      hint: `\`brun logs ${options.id}\` shows what it has written`,
    });
  }
  return new Attached(rt, stored, result, options).run();
}

class Attached {
  private readonly reader: LogReader;
  private readonly events: number;
  private readonly signals: number;
  private readonly pidfd: number;
  private readonly socket: number;
  private readonly keys: DetachKeys;
  private readonly terminal: boolean;
  /** Whether brun's own terminal is in raw mode. */
  private readonly raw: boolean;
  /** The descriptor from which typed bytes come, or -1. */
  private stdin: number;
  /** Messages that the supervisor has no room for yet. */
  private unsent: Uint8Array[] = [];
  private left = false;

  constructor(
    rt: Runtime,
    stored: StoredState,
    private readonly result: number,
    private readonly options: AttachOptions,
  ) {
    const kept = stored.kept!;
    this.terminal = kept.terminal;
    this.events = watchKept(rt.root, stored);
    this.reader = new LogReader(kept.directory);
    this.reader.skip();
    this.socket = connectUnix(paths(rt.root, stored.id).attach, SOCK_DGRAM);
    this.stdin = options.stdin && kept.interactive ? 0 : -1;
    this.keys = new DetachKeys(isTerminal(0) ? options.detachKeys : []);
    this.pidfd = openProcess(stored.pid, stored.startTime);
    this.signals = watchSignals();
    this.raw = kept.terminal && this.stdin === 0 && enterRawMode(0);
    this.sendSize();
  }

  run(): number {
    try {
      while (!this.left) {
        const ended = hasEnded(this.result);
        for (const entry of this.reader.entries()) this.options.show(entry);
        if (ended) return exitCodeOf(this.result, this.options.id);
        this.wait();
      }
      return 0;
    } finally {
      if (this.raw) leaveRawMode(0);
      close(this.socket);
      releaseSignals();
    }
  }

  private wait(): void {
    const stdin = this.unsent.length > 0 ? -1 : this.stdin;
    const socket = this.unsent.length > 0 ? this.socket : -1;
    const poll = new Int32Array([this.events, POLLIN, this.signals, POLLIN, stdin, POLLIN, socket, POLLOUT]);
    const n = syscall(NR.ppoll, poll, 4, 0, 0, 8);
    if (n === -E.EINTR) return;
    check(n, "poll");
    const came = (i: number) => poll[2 * i + 1]! >>> 16 !== 0;
    if (came(0)) forgetEvents(this.events);
    if (came(1)) this.takeSignals();
    if (came(2)) this.takeTyped();
    if (came(3)) this.sendRest();
  }

  private takeSignals(): void {
    const bytes = new Uint8Array(64);
    const n = syscall(NR.read, this.signals, bytes, bytes.length);
    for (let i = 0; i < n; i++) {
      const signal = bytes[i]!;
      if (signal === SIGWINCH) this.sendSize();
      else if (this.options.sigProxy && !this.terminal) signalProcess(this.pidfd, signal);
      else {
        if (this.raw) leaveRawMode(0);
        die(signal);
      }
    }
  }

  private takeTyped(): void {
    const bytes = new Uint8Array(RELAY_SIZE - 1);
    const n = syscall(NR.read, this.stdin, bytes, bytes.length);
    if (n === -E.EINTR || n === -E.EAGAIN) return;
    if (n <= 0) {
      this.stdin = -1;
      this.send(Attach.end, new Uint8Array(0));
      return;
    }
    const { typed, detached } = this.keys.take(bytes.subarray(0, n));
    for (let at = 0; at < typed.length; at += RELAY_SIZE - 1) {
      this.send(Attach.typed, typed.subarray(at, at + RELAY_SIZE - 1));
    }
    this.left = detached;
  }

  private sendSize(): void {
    if (!this.terminal) return;
    const size = new Uint16Array(4);
    if (syscall(NR.ioctl, 0, IOCTL.TIOCGWINSZ, size) < 0) return;
    this.send(Attach.size, new Uint8Array(size.buffer));
  }

  private send(type: number, data: Uint8Array): void {
    const message = new Uint8Array(1 + data.length);
    message[0] = type;
    message.set(data, 1);
    this.unsent.push(message);
    this.sendRest();
  }

  private sendRest(): void {
    for (;;) {
      const message = this.unsent[0];
      if (message === undefined) return;
      const n = syscall(NR.sendto, this.socket, message, message.length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
      if (n === -E.EAGAIN) return;
      // One that cannot be sent finds nobody any more.
      if (n !== -E.EINTR) this.unsent.shift();
    }
  }
}
