/** The standard streams of a detached container whose output is kept: pipes to its supervisor, in the place of brun's own. */
import { dismissEarlyStage } from "../../stage/stage.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, O, open } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { makePipe } from "../../sys/pipe.ts";
import type { Runtime } from "../types.ts";

const F_DUPFD_CLOEXEC = 1030;

/** Above those that --preserve-fds may name. */
const FIRST_COPY = 100;

/** brun's ends of the pipes; -1 if there is none. */
export interface KeptStreams {
  readonly out: number;
  readonly err: number;
  readonly input: number;
}

/** The pipes that replace brun's standard streams until the program runs. */
export class Redirection {
  readonly streams: KeptStreams;
  private readonly own: readonly number[];
  private readonly told: (() => void)[] = [];

  /**
   * Puts pipes in the place of stdout and stderr, and of stdin for an interactive container; /dev/null elsewhere and for
   * one with a terminal. Throws a SysError.
   */
  constructor(interactive: boolean, terminal: boolean) {
    // The stage that is there already has the old ones.
    dismissEarlyStage();
    this.own = [0, 1, 2].map((fd) =>
      check(syscall(NR.fcntl, fd, F_DUPFD_CLOEXEC, FIRST_COPY), "keep the streams"),
    );
    nothing([0, 1, 2]);
    this.streams = {
      out: terminal ? -1 : pipeAt(1),
      err: terminal ? -1 : pipeAt(2),
      input: interactive && !terminal ? pipeAt(0) : -1,
    };
  }

  /** The runtime with its warnings held back until brun has its streams again. */
  quiet(rt: Runtime): Runtime {
    const later = (tell: (message: string) => void) => (message: string) => {
      this.told.push(() => tell(message));
    };
    return { ...rt, warn: later(rt.warn), debug: rt.debug && later(rt.debug) };
  }

  /** Gives brun its streams back, and prints the warnings that were held back. */
  restore(): void {
    each(this.own, (copy, fd) => {
      syscall(NR.dup3, copy, fd, 0);
    });
    each(this.told, (tell) => tell());
    this.told.length = 0;
  }

  /** Closes the caller's streams, so that whoever waits for their end does not wait for the container's end. */
  leave(): void {
    this.restore();
    nothing([0, 1, 2]);
    each(this.own, close);
  }
}

function nothing(fds: readonly number[]): void {
  const fd = open("/dev/null", O.RDWR);
  each(fds, (to) => {
    check(syscall(NR.dup3, fd, to, 0), "replace the streams");
  });
  close(fd);
}

/** Puts one end of a new pipe at a standard stream, and returns the other. */
function pipeAt(fd: number): number {
  const { reader, writer } = makePipe();
  const [ours, theirs] = fd === 0 ? [writer, reader] : [reader, writer];
  check(syscall(NR.dup3, theirs, fd, 0), "replace the streams");
  close(theirs);
  return ours;
}
