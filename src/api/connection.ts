/** The API's end of the socket to a brun process, and the pipes that come over it. src/cli/api-client.ts has the protocol. */
import type { ChildProcess } from "node:child_process";
import { constants, openSync } from "node:fs";
import type { Duplex } from "node:stream";
import type { ImageEvent } from "../image/progress.ts";
import { CLIENT, closeAll } from "./invoke.ts";
import type { OutputMode, StdinMode } from "./process.ts";
import { readable, type Sink, type Source, writable } from "./streams.ts";

/** stdin, stdout and stderr of a program. */
export type Modes = readonly [StdinMode, OutputMode, OutputMode];

const PROGRESS = "progress ";

export class Connection {
  stdin: Sink | null = null;
  stdout: Source | null = null;
  stderr: Source | null = null;
  /** Whether the program runs, or waits for `start`. */
  running = false;
  /** Why the pipes could not be opened. */
  failure: unknown = null;
  /** Resolves when the program runs (true) or never will (false). */
  readonly ready: Promise<boolean>;
  private readonly socket: Duplex | null;
  private buffer = "";

  /** The value of `--client`. */
  static flag(modes: Modes, stays: boolean): string {
    const streams = modes.flatMap((mode, stream) => (mode === "pipe" ? [stream] : []));
    return [CLIENT, ...streams, ...(stays ? ["stay"] : [])].join();
  }

  /**
   * @param input what is written to stdin
   * @param onProgress hears how far an image is
   */
  constructor(
    child: ChildProcess,
    private readonly modes: Modes,
    private readonly input: string | Uint8Array | undefined,
    private readonly onProgress?: ((event: ImageEvent) => void) | undefined,
  ) {
    // A process that could not be started has none in Bun.
    const socket = (child.stdio as unknown as (Duplex | null)[])[CLIENT] ?? null;
    this.socket = socket;
    this.ready = new Promise((resolve) => {
      child.once("error", () => resolve(false));
      for (const event of ["end", "close", "error"]) socket?.on(event, () => resolve(this.running));
      socket?.on("data", (data: Buffer) => {
        this.take(data.toString("latin1"));
        if (this.running) resolve(true);
      });
    });
  }

  /** Closes the socket to brun. */
  close(): void {
    this.socket?.destroy();
  }

  /** Closes the pipes of a program that does not run. */
  discard(): void {
    for (const stream of [this.stdout, this.stderr]) stream?.cancel().catch(() => {});
    if (this.stdin?.locked === false) this.stdin.abort().catch(() => {});
  }

  private take(text: string): void {
    const lines = (this.buffer + text).split("\n");
    this.buffer = lines.pop()!;
    for (const line of lines) {
      if (line === "running") this.running = true;
      else if (line.startsWith(PROGRESS)) this.onProgress?.(JSON.parse(line.slice(PROGRESS.length)));
      else this.open(line.split(" ").slice(1).map(Number));
    }
  }

  private open([pid, ...theirs]: readonly number[]): void {
    const fds: number[] = [];
    try {
      for (const mode of this.modes.keys()) {
        if (this.modes[mode] !== "pipe") continue;
        const flags = mode === 0 ? constants.O_WRONLY : constants.O_RDONLY;
        fds.push(openSync(`/proc/${pid}/fd/${theirs[fds.length]}`, flags | constants.O_NONBLOCK));
      }
    } catch (error) {
      closeAll(fds);
      this.failure = error;
      this.close();
      return;
    }
    const [stdin, stdout, stderr] = this.modes.map((mode) => (mode === "pipe" ? fds.shift()! : -1));
    if (stdin! >= 0) this.stdin = writable(stdin!);
    if (stdout! >= 0) this.stdout = readable(stdout!);
    if (stderr! >= 0) this.stderr = readable(stderr!);
    this.socket?.write("+");
    if (this.input !== undefined) void feed(this.stdin!, this.input);
  }
}

/** Writes all, and ends. It is no error if the program does not read it. */
async function feed(stdin: Sink, input: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {}
}
