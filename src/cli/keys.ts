/** Waits for a key that ends the display, as in top(1) and less(1). */
import { ECHO, ICANON, restoreTerminal, withoutModes } from "../container/io/terminal.ts";
import { IOCTL } from "../sys/constants.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { die, holdSignals, Interrupted } from "../sys/interrupt.ts";
import { POLLIN, waitFd } from "../sys/poll.ts";
import { isTerminal } from "./output.ts";

const QUIT = [..."qQ"].map((key) => key.charCodeAt(0));

/** The keys that are typed on stdin. If stdin is no terminal, or another process has it, this class only waits. */
export class Keys implements Disposable {
  private before: Uint8Array | null = null;
  private readonly typed = isTerminal(0);

  constructor() {
    if (!this.typed) return;
    // A signal must not leave the terminal in this mode.
    holdSignals();
    // From now on, not only from the first wait on, the terminal does not show what is typed.
    this.listen();
  }

  /**
   * Waits, at most for so many milliseconds.
   * @returns whether q was typed
   */
  wait(ms: number): boolean {
    const until = performance.now() + ms;
    try {
      for (;;) {
        const left = Math.max(0, until - performance.now());
        const ours = this.typed && this.listen();
        if (waitFd(ours ? 0 : -1, POLLIN, left) === 0) return false;
        const keys = new Uint8Array(64);
        const n = syscall(NR.read, 0, keys, keys.length);
        // The terminal has gone.
        if (n <= 0) return true;
        if (keys.subarray(0, n).some((key) => QUIT.includes(key))) return true;
      }
    } catch (error) {
      if (error instanceof Interrupted) {
        this[Symbol.dispose]();
        die(error.signal);
      }
      throw error;
    }
  }

  /** Keys come one by one and are not shown, if the terminal is this process's: again after each Ctrl-Z and fg. */
  private listen(): boolean {
    const group = new Int32Array(1);
    if (syscall(NR.ioctl, 0, IOCTL.TIOCGPGRP, group) < 0 || group[0] !== syscall(NR.getpgid, 0)) return false;
    const was = withoutModes(0, ICANON | ECHO);
    this.before ??= was;
    return was !== null;
  }

  /** Restores the terminal. */
  [Symbol.dispose](): void {
    if (this.before !== null) restoreTerminal(0, this.before);
  }
}
