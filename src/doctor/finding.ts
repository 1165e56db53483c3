/** Findings of `brun doctor`. */

import type { Caller } from "../../rootless/caller.ts";
import type { BrunError } from "../errors.ts";
import type { Fix } from "../fix.ts";
import { installFix, type PackageNames } from "../package-names.ts";

/** "ok"; "warn": containers run but something is missing; "fail": rootless containers do not run. */
export type FindingState = "ok" | "warn" | "fail";

/** One line of the screen. Texts are clauses without a full stop. */
export interface Finding {
  /** Stable name: "user-namespace". */
  readonly id: string;
  readonly state: FindingState;
  /** The finding. */
  readonly what: string;
  /** What containers need it for. */
  readonly why: string;
  /** A command for a shell, or a sentence where no command would do; null when nothing is to be done. */
  readonly fix: string | null;
  /** Who has to run it: "root", or the name of the caller; null without a fix. */
  readonly user: string | null;
}

/** A remedy and who may apply it. */
export interface Remedy extends Pick<Fix, "as"> {
  /** For a shell, or a sentence where no command would do. */
  readonly command: string;
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

  warn(what: string, fix: Remedy | null): Finding {
    return this.finding("warn", what, fix);
  }

  fail(what: string, fix: Remedy | null): Finding {
    return this.finding("fail", what, fix);
  }

  private finding(state: FindingState, what: string, fix: Remedy | null): Finding {
    const user = fix === null ? null : fix.as === "root" ? "root" : nameOf(this.caller);
    return { id: this.id, state, what, why: this.why, fix: fix?.command ?? null, user };
  }
}

/** A user's name, or the uid where no passwd entry has one. */
export function nameOf(caller: Caller): string {
  return caller.userName ?? `${caller.uid}`;
}

/** A command for root. */
export function asRoot(command: string): Remedy {
  return { command, as: "root" };
}

/** The command for root that installs packages here. */
export function install(names: PackageNames): Remedy {
  return remedy(installFix(names));
}

/** A command for the caller. */
export function asCaller(command: string): Remedy {
  return { command, as: "caller" };
}

/** A fix with the user who has to do it. */
export function remedy({ as, command, hint }: Fix): Remedy {
  return { command: command ?? hint, as };
}

/** The remedy for an error: the command of its fix, otherwise its hint; null without a hint. */
export function remedyOf({ hint, fix }: BrunError): Remedy | null {
  if (hint === undefined) return null;
  return { command: fix?.command ?? hint, as: fix?.as ?? "caller" };
}
