/** What a command is, and what it gets when it runs. */
import type { CommandMeta } from "citty";
import type { Runtime } from "../container/types.ts";
import type { Flags, Values } from "./flags.ts";

/** A command: citty's shape, but synchronous and with arguments typed from their definitions. */
export interface Command<F extends Flags = Flags> {
  readonly meta: CommandMeta & { readonly name: string; readonly description: string };
  readonly args: F;
  /** What the help text says below the flags. */
  readonly details?: string;
  /** Exit code when it throws; 1 unless said otherwise. */
  readonly failureCode?: number;
  /** Does the work; returns the exit code, or nothing for 0. Throws what goes to the error line. */
  run(context: CommandContext<F>): number | undefined;
}

/** citty's context with the session as `data`. */
export interface CommandContext<F extends Flags = Flags> {
  readonly args: Values<F>;
  readonly data: Session;
}

/** What the global flags amount to. */
export interface Session {
  /** `--root` was given: a state directory that does not exist is an error then. */
  readonly rootGiven: boolean;
  /**
   * What the lifecycle operations want. Finds the state directory, so commands that need none do not call it.
   * @throws BrunError the state directory is not safe to use
   */
  runtime(timing?: boolean): Runtime;
}

/** Helps the compiler to see a command's flags; returns its argument. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command<F> {
  return command;
}
