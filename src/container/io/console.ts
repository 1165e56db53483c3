/** Where the container's terminal goes: to brun in the foreground, otherwise over --console-socket. */
import { BrunError } from "../../errors.ts";
import { FrontFact } from "../../plan/abi.ts";
import { askFront } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { connectUnix, sendFd } from "../../sys/socket.ts";
import { isTerminal, plainNewlines } from "./terminal.ts";

/** The terminal of a container or of an exec'ed process. */
export class Console {
  /** The pty master, if brun relays it. */
  master = -1;

  /** Throws a BrunError when the four modes (terminal or not, detached or not) and the socket do not fit. */
  constructor(
    readonly wanted: boolean,
    private readonly detached: boolean,
    private readonly socketPath: string | undefined,
    private readonly kept: boolean = false,
  ) {
    if (detached && wanted && socketPath === undefined) {
      throw new BrunError("a detached container with a terminal needs a console socket", {
        where: "process.terminal",
        hint: "give --console-socket, or set process.terminal to false",
      });
    }
    if (socketPath !== undefined && !wanted) {
      throw new BrunError("a console socket is of no use without a terminal", {
        where: "--console-socket",
        hint: "set process.terminal to true",
      });
    }
    if (socketPath !== undefined && !detached) {
      throw new BrunError("a console socket is of no use in the foreground", {
        where: "--console-socket",
        hint: "add --detach",
      });
    }
  }

  /** Takes the master from the stage. Throws a SysError when the console socket does not take it. */
  receive(master: number): void {
    if (!this.detached) {
      this.master = master;
      // Output that was kept from a terminal is shown on one.
      if (!this.kept && !isTerminal(1)) plainNewlines(master);
      return;
    }
    // An engine takes one terminal, and has got one by the front, whose program could not be executed. Bun explains why. This
    // one stays open: the process would be hung up before it fails.
    if (askFront(FrontFact.consoleSent) > 0) return;
    const socket = connectUnix(this.socketPath!);
    try {
      sendFd(socket, master, "/dev/ptmx");
    } finally {
      close(socket);
      close(master);
    }
  }
}
