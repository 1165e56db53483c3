/** What brun and a stage say to each other, from the first program to execve. */
import { BrunError } from "../errors.ts";
import { stageFailure, stageLost } from "../stage/failure.ts";
import type { Stage } from "../stage/launch.ts";
import { Message, type Received, receiveMessage, sendProgram } from "../stage/messages.ts";
import type { Program } from "../stage/program.ts";
import { waitChild } from "../sys/spawn.ts";
import { signalProcess } from "./process.ts";

const SIGKILL = 9;

/** One stage and the program that it runs. */
export class Conversation {
  /** The container's process, once procPid has come. */
  pid = -1;
  pidfd = -1;
  private readonly early: Received[] = [];

  /** @param recorded the stage's programs for people, wanted only when one has failed */
  constructor(
    private readonly stage: Stage,
    private readonly recorded: () => readonly Program[],
  ) {}

  /** Our end of the socketpair. */
  get socket(): number {
    return this.stage.socket;
  }

  /** Sends a program. */
  send(program: Program): void {
    sendProgram(this.socket, program.bytes);
  }

  /**
   * The next message. procPid comes first whatever the order of arrival: the parent sends it while the child
   * is already running. Throws a BrunError when the stage reports a failure or dies.
   */
  next(): Received {
    const waiting = this.pid >= 0 ? this.early.shift() : undefined;
    if (waiting !== undefined) return waiting;
    for (;;) {
      const message = this.receive();
      if (message === null) throw stageLost(this.stage, "the container's process died before it was ready");
      if (message.type === Message.error) throw stageFailure(this.recorded(), message);
      if (message.type === Message.pid) {
        this.pid = Number(message.payload.getBigInt64(0, true));
        this.pidfd = message.fd;
        return message;
      }
      if (this.pid >= 0) return message;
      this.early.push(message);
    }
  }

  /** Waits until the process has executed the container's program. Throws a BrunError when it could not. */
  awaitExec(): void {
    const message = this.receive();
    if (message === null) return;
    if (message.type === Message.error) throw stageFailure(this.recorded(), message);
    throw new BrunError(`unexpected message ${message.type} from the stage`);
  }

  private receive(): Received | null {
    return receiveMessage(this.socket);
  }

  /** Asserts the protocol: these messages cannot come before procPid, see {@link next}. */
  requirePid(): void {
    if (this.pid < 0) throw new BrunError("the stage has not said its pid");
  }

  /** Kills and reaps the container's process. */
  kill(): void {
    if (this.pidfd < 0) return;
    signalProcess(this.pidfd, SIGKILL);
    try {
      waitChild(this.pid);
    } catch {
      // Someone else has reaped it.
    }
  }
}
