/** What a command is, and what it gets when it runs. */
import type { CommandMeta } from "citty";
import type { Flags, Values } from "./flags.ts";
import type { Session } from "./globals.ts";
import type { Parsed } from "./parse.ts";

/** A command: citty's shape, but synchronous and with arguments typed from their definitions. */
export interface Command<F extends Flags = Flags> {
  readonly meta: CommandMeta & { readonly name: string; readonly description: string };
  readonly args: F;
  /** What the help text says below the flags. */
  readonly details?: string;
  /** Exit code when it throws; 1 unless said otherwise. */
  readonly failureCode?: number;
  /** Hints for flags that other tools have, by name. */
  readonly others?: Readonly<Record<string, string>>;
  /** podman's short forms are taken: `-it`, `-eA=1`. */
  readonly short?: boolean;
  /** Parses the arguments instead of the default parser. Throws a BrunError. */
  parse?(argv: readonly string[], globals: Flags): Parsed<F>;
  /** Replaces an error by one with a hint that takes the arguments into account. */
  readonly retell?: (error: unknown, argv: readonly string[], globals: Flags) => Promise<unknown>;
  /** With `--explain-error`: says more about an error than its line does. */
  explainFailure?(error: unknown, context: CommandContext<F>): Promise<void>;
  /** Does the work; returns the exit code, or nothing for 0. Throws the error that is printed. */
  run(context: CommandContext<F>): number | undefined | Promise<number | undefined>;
}

/** citty's context; the session is its `data`. */
export interface CommandContext<F extends Flags = Flags> {
  readonly args: Values<F>;
  readonly data: Session;
}

/** Helps the compiler to see a command's flags; returns its argument. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command<F> {
  return command;
}
