/** Terminals that tests type on: one that the runtime runs in, and a master that it has sent. */
import { NR, syscall } from "../../src/sys/ffi.ts";
import { close } from "../../src/sys/fs.ts";
import { until } from "./processes.ts";
import { readable } from "./sockets.ts";

/** What both kinds have. */
interface Screen {
  /** Everything shown since the beginning. */
  text(): string;
  write(text: string): void;
}

/** Waits until the screen shows `wanted`; the error shows what it had instead. */
export async function shows(screen: Screen, wanted: string | RegExp): Promise<void> {
  const seen = (): boolean =>
    typeof wanted === "string" ? screen.text().includes(wanted) : wanted.test(screen.text());
  await until(`${wanted} on the terminal`, seen).catch((error: Error) => {
    throw new Error(`${error.message}; it shows: ${JSON.stringify(screen.text())}`);
  });
}

/** A command on a new terminal that it controls. */
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
    // Of another new one: ours may be in raw mode before anyone has looked.
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

  /** Takes the terminal away, as a closed window does: a SIGHUP, and EIO from then on. */
  hangUp(): void {
    this.child.terminal!.close();
  }

  /** The exit code of the command, when it has ended. */
  get exited(): Promise<number> {
    return this.child.exited;
  }

  /** Output and input flags of the terminal as `stty -a` of the host sees them. */
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
      if (n <= 0) break; // EIO: nobody has the other end open any more
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
