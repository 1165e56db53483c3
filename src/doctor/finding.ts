/** What `brun doctor` says about one thing. */

import type { Caller } from "../../rootless/caller.ts";
import { installHint, type PackageNames } from "../package-names.ts";

/** ok; containers run but something is missing; rootless containers do not run. */
export type FindingState = "ok" | "warn" | "fail";

/** One line of the screen. Texts are clauses without a full stop. */
export interface Finding {
  /** Stable name: "user-namespace". */
  readonly id: string;
  readonly state: FindingState;
  /** What was found. */
  readonly what: string;
  /** What it is needed for. */
  readonly why: string;
  /** A command for a shell, or a sentence where no command would do; null when nothing is to be done. */
  readonly fix: string | null;
  /** Who has to run it: "root", or the name of the caller; null without a fix. */
  readonly user: string | null;
}

/** A remedy and who may apply it. */
export interface Fix {
  readonly command: string;
  readonly as: "root" | "caller";
}

/** Makes the findings about one thing. */
export class Subject {
  constructor(
    private readonly id: string,
    private readonly why: string,
    private readonly caller: Caller,
  ) {}

  ok(what: string): Finding {
    return this.finding("ok", what, null);
  }

  warn(what: string, fix: Fix | null): Finding {
    return this.finding("warn", what, fix);
  }

  fail(what: string, fix: Fix | null): Finding {
    return this.finding("fail", what, fix);
  }

  private finding(state: FindingState, what: string, fix: Fix | null): Finding {
    const user = fix === null ? null : fix.as === "root" ? "root" : nameOf(this.caller);
    return { id: this.id, state, what, why: this.why, fix: fix?.command ?? null, user };
  }
}

/** A user's name, or the uid where no passwd entry has one. */
export function nameOf(caller: Caller): string {
  return caller.userName ?? `${caller.uid}`;
}

/** A command for root. */
export function asRoot(command: string): Fix {
  return { command, as: "root" };
}

/** The command for root that installs packages here. */
export function install(names: PackageNames): Fix {
  return fixOfHint(installHint(names))!;
}

/** A command for whoever asks. */
export function asCaller(command: string): Fix {
  return { command, as: "caller" };
}

/**
 * The command in a hint, which is written for an error line: `run "…" as root`, `add "LINE" to FILE as root`.
 * Another hint is the fix as it stands.
 */
export function fixOfHint(hint: string | undefined): Fix | null {
  if (hint === undefined) return null;
  const command = /\brun "([^"]+)" as root/.exec(hint);
  if (command !== null) return asRoot(command[1]!);
  const line = /\badd "([^"]+)" to (\S+) as root/.exec(hint);
  if (line !== null) return asRoot(`echo ${line[1]} >> ${line[2]}`);
  return { command: hint, as: /\bas root\b|\bpackage\b|\bboot\b/.test(hint) ? "root" : "caller" };
}
