/** What brun and one stage say to each other, from the first program to execve: the only driver of the sync protocol. */
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

/** What is done about a message; the descriptor that came with it, or -1, belongs to who does it. */
export type Answers = { readonly [type in Message]?: (fd: number) => void };

/** How a session differs from that of a container. */
export interface SessionOptions {
  /** How many descriptors from 3 on the process shall have. */
  readonly preserveFds?: number;
  /** Descriptors that become 0, 1 and 2 instead of this process's. */
  readonly stdio?: readonly [number, number, number] | undefined;
  /** The stage does all by itself, and clones no process. */
  readonly alone?: boolean;
  /** What has happened when the stage is gone too early. */
  readonly lost?: string;
}

/** A stage, and the process that it clones. */
export class Session {
  /** The process that will execute a program: -1 until the stage has said that it is there. */
  pid = -1;
  pidfd = -1;
  private readonly stage: Stage;
  private readonly early: Received[] = [];
  private readonly lost: string;

  /**
   * Starts a stage, which waits for its first program. Throws a BrunError or SysError.
   * @param recorded the stage's programs for people, wanted only when one has failed
   */
  constructor(
    private readonly recorded: () => readonly Program[],
    options: SessionOptions = {},
  ) {
    this.stage = launchStage(options.preserveFds ?? 0, options.stdio);
    this.lost = options.lost ?? "the container's process died before it was ready";
    if (options.alone) this.pid = this.stage.pid;
  }

  /** The process of the stage, before it has cloned. */
  get stagePid(): number {
    return this.stage.pid;
  }

  /** Sends a program. */
  send(program: Program): void {
    sendProgram(this.stage.socket, program.bytes);
  }

  /** Lets the stage go on that waits for an answer. */
  resume(): void {
    sendMessage(this.stage.socket, Message.resume);
  }

  /**
   * Answers messages until one comes that is waited for; its descriptor is the result. Throws a BrunError when the stage reports
   * a failure, dies, or says what there is no answer to.
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

  /** Reaps the stage, which has ended when its process is ready. */
  reapStage(): void {
    try {
      waitChild(this.stage.pid);
    } catch {
      // It has been reaped before, by this or somebody else.
    }
  }

  /** Lets the process that is ready execute its program. */
  run(): void {
    sendMessage(this.stage.socket, Message.run);
  }

  /** Waits until it has. Throws a BrunError when it could not. */
  awaitExec(): void {
    const message = receiveMessage(this.stage.socket);
    if (message === null) return;
    if (message.type === Message.error) throw failure().stageFailure(this.recorded(), message);
    throw unexpected(message.type);
  }

  /** The process goes on, and nothing more is said. */
  leave(): void {
    close(this.stage.socket);
  }

  /** Ends and reaps the process, if it is there, and the stage. */
  end(): void {
    close(this.stage.socket);
    this.kill();
    this.reapStage();
  }

  /** Kills and reaps the process: a child, so that its pid is no other's. */
  kill(): void {
    if (this.pidfd < 0) return;
    syscall(NR.kill, this.pid, SIGKILL);
    try {
      waitChild(this.pid);
    } catch {
      // Someone else has reaped it.
    }
    close(this.pidfd);
    this.pidfd = -1;
  }

  /** The next message. That of the pid is the first, though the cloned process may have been faster than the stage. */
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
