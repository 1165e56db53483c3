/** A case of the benchmark. */
import type { Stand } from "./setup.ts";

/** A command of a sample, whose time may or may not count. */
export interface Command {
  readonly timed: boolean;
  readonly argv: readonly string[];
}

export interface Goal {
  readonly share: number;
  /** A peer, or another job of the case. */
  readonly of: string;
}

/** A case in which runtimes are compared. */
export interface Case {
  readonly key: string;
  readonly title: string;
  /** Goal: brun's median time as a share of a peer's. */
  readonly goal?: Goal;
  /** How many of a command run at once; "@" in a word is the number of the copy. */
  readonly copies?: number;
  /** Only each Nth round is made, for cases that take long. */
  readonly everyNth?: number;
  /** So many rounds, whatever the command line says. A word "#" is the number of the round. */
  readonly rounds?: number;
  /** Axis and place of a point on a curve in the document: how the cost grows. */
  readonly point?: { readonly curve: string; readonly at: number };
  /** The jobs by name of the program. Called once; may start containers. */
  prepare(stand: Stand): Map<string, Command[]>;
  /** Removes what `prepare` has started. */
  finish?(stand: Stand): void;
}

export const timed = (...argv: string[]): Command => ({ timed: true, argv });
export const untimed = (...argv: string[]): Command => ({ timed: false, argv });

/** Before a first run: removes the plans of earlier runs from a state directory of brun. The timer puts a number for "@". */
export const forget = (root: string): Command =>
  untimed("/bin/sh", "-c", 'exec rm -rf "$1"/?run', "sh", root);
