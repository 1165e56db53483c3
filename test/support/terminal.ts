/** Terminals for tests: one on which the runtime runs, and the master of a container's terminal. */
import { NR, syscall } from "../../src/sys/ffi.ts";
import { close } from "../../src/sys/fs.ts";
import { until } from "./processes.ts";
import { readable } from "./sockets.ts";

/** The common part of both kinds. */
interface Screen {
  /** Everything shown since the beginning. */
  text(): string;
  write(text: string): void;
}

/** Waits until the screen shows `wanted`. The error has the screen's text. */
export async function shows(screen: Screen, wanted: string | RegExp): Promise<void> {
  const seen = (): boolean =>
    typeof wanted === "string" ? screen.text().includes(wanted) : wanted.test(screen.text());
  await until(`${wanted} on the terminal`, seen).catch((error: Error) => {
    throw new Error(`${error.message}; it shows: ${JSON.stringify(screen.text())}`);
  });
}

/** A command on a new controlling terminal. */
export class TerminalSession implements Screen, AsyncDisposable {
  private shown = "";
  private readonly child: Bun.Subprocess;

  /** {@link localFlags} before the command was started. */
  readonly flagsBefore: number;

  constructor(
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd: string,
    cols = 80,
    rows = 24,
  ) {
    const decoder = new TextDecoder();
    // The command may change this terminal before the flags are read, so they are read from another new one.
    const another = new Bun.Terminal({ cols, rows });
    this.flagsBefore = another.localFlags;
    another.close();
    this.child = Bun.spawn([...argv], {
      cwd,
      env: { ...env, TERM: "xterm" },
      terminal: {
        cols,
        rows,
        data: (_, data) => {
          this.shown += decoder.decode(data, { stream: true });
        },
      },
    });
  }

  text(): string {
    return this.shown;
  }

  write(text: string): void {
    this.child.terminal!.write(text);
  }

  resize(cols: number, rows: number): void {
    this.child.terminal!.resize(cols, rows);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Closes the terminal, like a closed window: the command gets a SIGHUP, and then EIO. */
  hangUp(): void {
    this.child.terminal!.close();
  }

  /** Resolves to the command's exit code. */
  get exited(): Promise<number> {
    return this.child.exited;
  }

  /** The terminal's local modes (c_lflag of termios(3)). */
  get localFlags(): number {
    return this.child.terminal!.localFlags;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
    await this.child.exited;
    this.child.terminal!.close();
  }
}

/** The master of a container's terminal, received over --console-socket. */
export class Master implements Screen, Disposable {
  private shown = "";
  private readonly decoder = new TextDecoder();

  constructor(readonly fd: number) {}

  text(): string {
    const buffer = new Uint8Array(4096);
    while (readable(this.fd, 0)) {
      const n = syscall(NR.read, this.fd, buffer, buffer.length);
      if (n <= 0) break; // EIO: the other end is closed
      this.shown += this.decoder.decode(buffer.subarray(0, n), { stream: true });
    }
    return this.shown;
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    syscall(NR.write, this.fd, bytes, bytes.length);
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }
}
