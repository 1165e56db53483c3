/** What brun says when it cannot do what it was asked: one line, and a hint when a cause is known. */

/** Details of a {@link BrunError}. */
export interface ErrorDetails {
  /** Config path ("mounts[3].destination") or file that the failure comes from. */
  readonly where?: string | undefined;
  /** What to do about it; a clause without a full stop. */
  readonly hint?: string | undefined;
  /** Exit code of the command; 1 unless said otherwise. */
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/** An error meant for a person: lowercase, no full stop, no stack in the output. */
export class BrunError extends Error {
  override readonly name = "BrunError";
  readonly where: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.where = details.where;
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? 1;
  }

  /** The one line: "mounts[3].destination: message; hint: …". (JavaScriptCore's errors have a `line` of their own.) */
  get text(): string {
    const where = this.where === undefined ? "" : `${this.where}: `;
    return `${where}${this.message}${this.hint === undefined ? "" : `; hint: ${this.hint}`}`;
  }
}

/** The one line that stands for any thrown value. */
export function errorLine(error: unknown): string {
  if (error instanceof BrunError) return error.text;
  return error instanceof Error ? error.message : String(error);
}
