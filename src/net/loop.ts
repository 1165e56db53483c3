/**
 * A single-threaded event loop on epoll(7). Bun's own sockets hand each byte to JavaScript, and need more
 * memory than a process beside each container should have.
 */
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";

/** Events (epoll_ctl(2)). */
export const EPOLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, RDHUP: 0x2000, ET: 0x80000000 } as const;

const EPOLL_CLOEXEC = 0o2000000;
const CTL_ADD = 1;
const CTL_DEL = 2;
const BATCH = 256;
/** struct epoll_event is packed on x86-64 alone. */
const SIZE = process.arch === "x64" ? 12 : 16;
const DATA = process.arch === "x64" ? 4 : 8;
/** The interval in which timers are checked, in ms. */
const TICK_MS = 50;

/** Handles the events of a descriptor. */
export type Handler = (events: number) => void;

/** Calls handlers until there is nothing left to wait for, or until {@link stop}. */
export class Loop {
  private readonly epoll = check(syscall(NR.epoll_create1, EPOLL_CLOEXEC), "make an epoll descriptor");
  private readonly handlers = new Map<number, Handler>();
  private readonly timers = new Map<object, { readonly at: number; readonly fire: () => void }>();
  private readonly later: (() => void)[] = [];
  private looked = 0;
  private running = true;

  /** @param failed gets the errors that handlers throw; the loop goes on */
  constructor(private readonly failed: (error: unknown) => void) {}

  /** Waits for events of a descriptor, which {@link close} closes. Throws a SysError. */
  add(fd: number, events: number, handler: Handler): void {
    check(syscall(NR.epoll_ctl, this.epoll, CTL_ADD, fd, event(events, fd)), "wait for events");
    this.handlers.set(fd, handler);
  }

  /** Stops waiting for a descriptor's events. */
  remove(fd: number): void {
    if (this.handlers.delete(fd)) syscall(NR.epoll_ctl, this.epoll, CTL_DEL, fd, event(0, fd));
  }

  /**
   * Closes a descriptor at the end of this turn. Otherwise a new descriptor of the same number would get the
   * remaining events of this turn.
   */
  close(fd: number): void {
    this.remove(fd);
    this.later.push(() => close(fd));
  }

  /** Calls a function once after some ms. The result is the argument for {@link cancel}. */
  after(ms: number, fire: () => void): object {
    const key = {};
    this.timers.set(key, { at: performance.now() + ms, fire });
    return key;
  }

  cancel(timer: object | null): void {
    if (timer !== null) this.timers.delete(timer);
  }

  /** Calls a function after the other events of this turn. */
  soon(call: () => void): void {
    this.later.push(call);
  }

  stop(): void {
    this.running = false;
  }

  run(): void {
    const events = new Uint8Array(BATCH * SIZE);
    const view = new DataView(events.buffer);
    while (this.running) {
      const timeout = this.later.length > 0 ? 0 : this.timers.size > 0 ? TICK_MS : -1;
      const count = syscall(NR.epoll_pwait, this.epoll, events, BATCH, timeout, 0, 8);
      if (count < 0 && count !== -E.EINTR) check(count, "wait for events");
      for (let i = 0; i < count; i++) {
        // A descriptor that another handler of this turn has removed has no handler.
        const handler = this.handlers.get(view.getInt32(i * SIZE + DATA, true));
        const what = view.getUint32(i * SIZE, true);
        if (handler !== undefined) this.guarded(() => handler(what));
      }
      for (const call of this.later.splice(0)) this.guarded(call);
      if (this.timers.size > 0) this.fireTimers();
    }
  }

  private fireTimers(): void {
    const now = performance.now();
    if (now - this.looked < TICK_MS) return;
    this.looked = now;
    for (const [key, { at, fire }] of this.timers) {
      if (at > now || !this.timers.delete(key)) continue;
      this.guarded(fire);
    }
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.failed(error);
    }
  }
}

function event(events: number, fd: number): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, events, true);
  view.setInt32(DATA, fd, true);
  return bytes;
}
