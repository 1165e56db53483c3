/** The first bytes of a connection from inside, until they are understood. */
import { E } from "../sys/errno.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { receive } from "./socket.ts";

const WAIT_MS = 10_000;
const CHUNK = 4096;

/** Reads from a connection that is not in the loop. */
export class Head {
  private timer: object | null = null;

  /**
   * @param heard gets each chunk, and an empty one at the end. It returns null if it needs more, otherwise a
   * function to call when the socket is out of the loop.
   * @param late called if the bytes have not been understood after ten seconds
   */
  constructor(
    private readonly loop: Loop,
    private readonly fd: number,
    private readonly heard: (chunk: Uint8Array) => (() => void) | null,
    late: () => void,
  ) {
    this.timer = loop.after(WAIT_MS, () => {
      this.stop();
      late();
    });
    loop.add(fd, EPOLL.IN | EPOLL.RDHUP, () => this.read());
  }

  private read(): void {
    const chunk = new Uint8Array(CHUNK);
    const n = receive(this.fd, chunk);
    if (n === -E.EAGAIN) return;
    const next = this.heard(chunk.subarray(0, Math.max(n, 0)));
    if (next === null && n > 0) return;
    this.stop();
    next?.();
  }

  /** Stops reading. */
  stop(): void {
    this.loop.cancel(this.timer);
    this.timer = null;
    this.loop.remove(this.fd);
  }
}
