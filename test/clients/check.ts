/** Checks: what a client does with a runtime, written as a user would type it. */

/** Who runs the client. */
export type As = "root" | "user";

/** One row of the table. */
export interface Check {
  readonly name: string;
  /** Shell, run with -e; see prelude.sh for what it can use besides the clients. */
  readonly script: string;
  /** Only as this caller; as both without it. */
  readonly as?: As;
  /** Only with brun: it is about one of the examples. */
  readonly brunOnly?: true;
}

/** The checks of one client and what it needs. */
export interface Suite {
  readonly client: string;
  /** Commands that must be installed. */
  readonly needs: readonly string[];
  /** Who it can be run as. */
  readonly callers: readonly As[];
  /** Shell, run once before the checks; what it starts in the background goes on. */
  readonly setUp: string;
  /** Shell, run after every check: takes away what one may have left. */
  readonly tidy: string;
  readonly checks: readonly Check[];
}

/** How one check ended with one runtime. */
export interface Result {
  readonly client: string;
  readonly as: As;
  readonly check: string;
  readonly runtime: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** What it printed, commands included. */
  readonly log: string;
  /** Why the client was not tried at all. */
  readonly missing?: string;
}
