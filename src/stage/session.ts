/** The only driver of the sync protocol: the dialogue of brun and one stage, from the first program to execve. */
import { BrunError } from "../errors.ts";
import type { Program } from "../plan/program.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { waitChild } from "../sys/spawn.ts";
import { Message, type Received, receiveMessage, sendMessage, sendProgram } from "./messages.ts";
import { launchStage, type Stage } from "./stage.ts";

const failure = lazy<typeof import("./failure.ts")>(() => require("./failure.ts"));

const SIGKILL = 9;

/** What to do about each message. The function gets the descriptor that came with it, or -1, and has to close it. */
export type Answers = { readonly [type in Message]?: (fd: number) => void };

/** How a session differs from that of a container. */
export interface SessionOptions {
  /** How many descriptors from 3 on the process gets. */
  readonly preserveFds?: number;
  /** Descriptors that become 0, 1 and 2 instead of this process's. */
  readonly stdio?: readonly [number, number, number] | undefined;
  /** The stage executes everything itself, and clones no process. */
  readonly alone?: boolean;
  /** The error text for a stage that ends too early. */
  readonly lost?: string;
}

/** A stage, and the process that it clones. */
export class Session {
  /** The process that executes the program; -1 until the stage has sent its pid. */
  pid = -1;
  pidfd = -1;
  private readonly stage: Stage;
  private readonly early: Received[] = [];
  private readonly lost: string;

  /**
   * Starts a stage, which waits for its first program. Throws a BrunError or SysError.
   * @param recorded gives the stage's programs for people; called only after a failure
   */
  constructor(
    private readonly recorded: () => readonly Program[],
    options: SessionOptions = {},
  ) {
    this.stage = launchStage(options.preserveFds ?? 0, options.stdio);
    this.lost = options.lost ?? "the container's process died before it was ready";
    if (options.alone) this.pid = this.stage.pid;
  }

  /** The pid of the stage itself, which clones the process. */
  get stagePid(): number {
    return this.stage.pid;
  }

  /** Sends a program. */
  send(program: Program): void {
    sendProgram(this.stage.socket, program.bytes);
  }

  /** Lets a stage go on that waits for an answer. */
  resume(): void {
    sendMessage(this.stage.socket, Message.resume);
  }

  /**
   * Answers messages until `last` comes, and returns the descriptor of that. Throws a BrunError if the stage
   * reports a failure, dies, or sends a message without an answer.
   */
  until(last: Message, answers: Answers = {}): number {
    for (;;) {
      const { type, fd } = this.next();
      if (type === last) return fd;
      const answer = answers[type as Message];
      if (answer !== undefined) answer(fd);
      else if (type !== Message.pid) throw unexpected(type);
    }
  }

  /** Reaps the stage, which ends when its process is ready. */
  reapStage(): void {
    try {
      waitChild(this.stage.pid);
    } catch {
      // Reaped before, by this session or another part of brun.
    }
  }

  /** Lets the process execute its program when it is ready. */
  run(): void {
    sendMessage(this.stage.socket, Message.run);
  }

  /** Waits until the process has executed its program. Throws a BrunError if it could not. */
  awaitExec(): void {
    const message = receiveMessage(this.stage.socket);
    if (message === null) return;
    if (message.type === Message.error) throw failure().stageFailure(this.recorded(), message);
    throw unexpected(message.type);
  }

  /** Leaves the process running and ends the dialogue. */
  leave(): void {
    close(this.stage.socket);
  }

  /** Ends and reaps the stage, and the process if there is one. */
  end(): void {
    close(this.stage.socket);
    this.kill();
    this.reapStage();
  }

  /** Kills and reaps the process. It is a child, so no other process can have its pid. */
  kill(): void {
    if (this.pidfd < 0) return;
    syscall(NR.kill, this.pid, SIGKILL);
    try {
      waitChild(this.pid);
    } catch {
      // Another part of brun has reaped it.
    }
    close(this.pidfd);
    this.pidfd = -1;
  }

  /** The next message. The one with the pid comes first, even if the cloned process was faster than the stage. */
  private next(): Received {
    const waiting = this.pid >= 0 ? this.early.shift() : undefined;
    if (waiting !== undefined) return waiting;
    for (;;) {
      const message = receiveMessage(this.stage.socket);
      if (message === null) throw failure().stageLost(this.stage, this.lost);
      if (message.type === Message.error) throw failure().stageFailure(this.recorded(), message);
      if (message.type === Message.pid) {
        this.pid = Number(message.payload.getBigInt64(0, true));
        this.pidfd = message.fd;
        return message;
      }
      if (this.pid >= 0) return message;
      this.early.push(message);
    }
  }
}

function unexpected(type: number): BrunError {
  return new BrunError(`unexpected message ${type} from the stage`);
}
