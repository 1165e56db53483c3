/** Joins two connections: bytes go from each to the other by splice(2), and stay in the kernel. */
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, O } from "../sys/fs.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { endWriting, resetAtClose } from "./socket.ts";

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const F_SETPIPE_SZ = 1031;
const PIPE_SIZE = 1 << 20;
/** The number of empty pipes that are kept for later. */
const SPARE_PIPES = 4;
/** The number of full pipes that one direction may move before other connections have their turn. */
const STEPS = 8;

type Pipe = readonly [reader: number, writer: number];

/**
 * The pipes of all streams. A direction has a pipe only while there are bytes that the receiver has not
 * accepted.
 */
export class Pipes {
  private readonly spare: Pipe[] = [];

  take(): Pipe {
    const spare = this.spare.pop();
    if (spare !== undefined) return spare;
    const ends = new Int32Array(2);
    check(syscall(NR.pipe2, ends, O.CLOEXEC | O.NONBLOCK), "make a pipe");
    syscall(NR.fcntl, ends[1]!, F_SETPIPE_SZ, PIPE_SIZE);
    return [ends[0]!, ends[1]!];
  }

  give(pipe: Pipe, isEmpty: boolean): void {
    if (isEmpty && this.spare.length < SPARE_PIPES) this.spare.push(pipe);
    else for (const fd of pipe) close(fd);
  }
}

/** One direction. */
interface Way {
  readonly from: number;
  readonly to: number;
  pipe: Pipe | null;
  /** Bytes in the pipe. */
  held: number;
  moved: number;
  /** Whether the socket can be read and written, by the last event or attempt. */
  readable: boolean;
  writable: boolean;
  /** The sender has ended this direction. */
  ended: boolean;
  /** The receiver has been told that, too. */
  done: boolean;
}

const way = (from: number, to: number, moved: number): Way => ({
  ...{ from, to, moved, pipe: null, held: 0 },
  ...{ readable: true, writable: true, ended: false, done: false },
});

/** A connection through the relay. */
export class Stream {
  private readonly out: Way;
  private readonly back: Way;
  private queued = false;
  private closed = false;

  /**
   * Takes both sockets over. They must not be in the loop. Throws a SysError.
   * @param sent the number of bytes that have already been sent outside
   * @param ended called once, when both sockets are closed
   */
  constructor(
    private readonly loop: Loop,
    private readonly pipes: Pipes,
    private readonly inside: number,
    private readonly outside: number,
    sent: number,
    private readonly ended: (stream: Stream) => void,
  ) {
    this.out = way(inside, outside, sent);
    this.back = way(outside, inside, 0);
    const events = EPOLL.IN | EPOLL.OUT | EPOLL.RDHUP | EPOLL.ET;
    loop.add(inside, events, (what) => this.told(what, this.out, this.back));
    loop.add(outside, events, (what) => this.told(what, this.back, this.out));
  }

  /** The number of bytes that were sent outside. */
  get sent(): number {
    return this.out.moved;
  }

  /** The number of bytes that were received from outside. */
  get received(): number {
    return this.back.moved;
  }

  /** Closes both sockets. With an errno both ends get a reset. */
  close(errno: number): void {
    if (this.closed) return;
    this.closed = true;
    for (const fd of [this.inside, this.outside]) {
      if (errno !== 0) resetAtClose(fd);
      this.loop.close(fd);
    }
    for (const each of [this.out, this.back]) {
      if (each.pipe !== null) this.pipes.give(each.pipe, each.held === 0);
      each.pipe = null;
    }
    this.ended(this);
  }

  private told(what: number, reads: Way, writes: Way): void {
    if ((what & (EPOLL.IN | EPOLL.RDHUP | EPOLL.HUP | EPOLL.ERR)) !== 0) reads.readable = true;
    if ((what & (EPOLL.OUT | EPOLL.HUP | EPOLL.ERR)) !== 0) writes.writable = true;
    this.go();
  }

  private go(): void {
    this.queued = false;
    if (this.closed) return;
    const busy = [this.move(this.out), this.move(this.back)];
    if (this.closed) return;
    if (this.out.done && this.back.done) this.close(0);
    else if (busy.includes(true) && !this.queued) {
      this.queued = true;
      this.loop.soon(() => this.go());
    }
  }

  /** Moves all bytes that can be moved now. The result tells whether there may be more. */
  private move(w: Way): boolean {
    for (let step = 0; step < STEPS && !this.closed && !w.done; step++) {
      if (w.held === 0 && w.ended) {
        endWriting(w.to);
        w.done = true;
        break;
      }
      if (w.held === 0 && !this.fill(w)) break;
      if (w.held > 0 && !this.drain(w)) break;
      if (step === STEPS - 1) return true;
    }
    if (w.held === 0 && w.pipe !== null) {
      this.pipes.give(w.pipe, true);
      w.pipe = null;
    }
    return false;
  }

  private fill(w: Way): boolean {
    if (!w.readable) return false;
    w.pipe ??= this.pipes.take();
    const n = this.splice(w.from, w.pipe[1], PIPE_SIZE);
    if (n > 0) w.held = n;
    else if (n === 0) w.ended = true;
    else w.readable = false;
    return n >= 0;
  }

  private drain(w: Way): boolean {
    if (!w.writable) return false;
    const n = this.splice(w.pipe![0], w.to, w.held);
    if (n > 0) {
      w.held -= n;
      w.moved += n;
      return true;
    }
    w.writable = false;
    return false;
  }

  /** Returns the number of moved bytes, or -1 if none can be moved now. Closes both sockets at an error. */
  private splice(from: number, to: number, size: number): number {
    for (;;) {
      const n = syscall(NR.splice, from, 0, to, 0, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (n >= 0) return n;
      if (n === -E.EINTR) continue;
      if (n !== -E.EAGAIN) this.close(-n);
      return -1;
    }
  }
}
