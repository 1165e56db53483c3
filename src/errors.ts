/** What brun says when it cannot do what it was asked: one line, and a hint when a cause is known. */
import type { Fix } from "./fix.ts";
import type { ErrnoName } from "./sys/errno.ts";

/**
 * What kind of failure it is, for programs: errno's name ("ENOENT") where the kernel refused something, else
 * - ERR_USAGE: a flag or argument that is not allowed
 * - ERR_CONFIG: config.json, or what was given for it, is not valid
 * - ERR_ID: the id is not one that a container can have
 * - ERR_EXISTS, ERR_NOT_FOUND: a container with this id exists already, or there is none
 * - ERR_STATE: the container is not in a state for it, such as `start` of one that has stopped; or the image store is not
 * - ERR_HOOK: a hook failed
 * - ERR_IMAGE_NOT_FOUND: there is no such image
 * - ERR_PLATFORM: there is one, and none for this machine
 * - ERR_UNAUTHORIZED: a registry wants a login, or another one
 * - ERR_RATE_LIMIT: a registry allows no more requests for now
 * - ERR_NETWORK: a registry cannot be reached, or does not answer as one does
 * - ERR_TLS: a registry's certificate is not accepted, or it does not speak TLS
 * - ERR_DIGEST: content is not what its digest says
 * - ERR_ARCHIVE: an image's manifest, config or archive is damaged, or means harm
 * - ERR_UNSUPPORTED: an image's layers are of a kind that brun does not unpack
 * - ERR_IDS: an image's files belong to ids that the caller does not have
 * - ERR_NO_SPACE: there is no room for it
 * - ERR_NO_BRUN: the TypeScript API finds no brun to start
 * - ERR_TIMEOUT, ABORT_ERR: the TypeScript API has ended it, because its time was over or an AbortSignal said so
 * - ERR_FAILED: something else; the message says what
 */
export type ErrorCode =
  | ErrnoName
  | "ERR_USAGE"
  | "ERR_CONFIG"
  | "ERR_ID"
  | "ERR_EXISTS"
  | "ERR_NOT_FOUND"
  | "ERR_STATE"
  | "ERR_HOOK"
  | "ERR_IMAGE_NOT_FOUND"
  | "ERR_PLATFORM"
  | "ERR_RATE_LIMIT"
  | "ERR_TLS"
  | "ERR_ARCHIVE"
  | "ERR_UNSUPPORTED"
  | "ERR_IDS"
  | "ERR_UNAUTHORIZED"
  | "ERR_NETWORK"
  | "ERR_DIGEST"
  | "ERR_NO_SPACE"
  | "ERR_NO_BRUN"
  | "ERR_TIMEOUT"
  | "ABORT_ERR"
  | "ERR_FAILED";

/** Details of a {@link BrunError}. */
export interface ErrorDetails {
  /** ERR_FAILED unless said otherwise. */
  readonly code?: ErrorCode | undefined;
  /** Config path ("mounts[3].destination") or file that the failure comes from. */
  readonly where?: string | undefined;
  /** The file that `where` is a config path in. */
  readonly file?: string | undefined;
  /** What to do about it; a clause without a full stop. */
  readonly hint?: string | undefined;
  /** The same as data, for `brun doctor`; without a hint it is that of the fix. */
  readonly fix?: Fix | undefined;
  /** Exit code of the command; 1 unless said otherwise. */
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/**
 * An error meant for a person: lowercase, no full stop, no stack in the output. The message is a sentence that is understood
 * without `where` and the hint, which stand beside it.
 */
export class BrunError extends Error {
  override readonly name: string = "BrunError";
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly file: string | undefined;
  readonly hint: string | undefined;
  readonly fix: Fix | undefined;
  readonly exitCode: number;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code ?? "ERR_FAILED";
    this.where = details.where;
    this.file = details.file;
    this.hint = details.hint ?? details.fix?.hint;
    this.fix = details.fix;
    this.exitCode = details.exitCode ?? 1;
  }

  /** Config path ("mounts[3].destination"), flag or file that the failure comes from. */
  get path(): string | undefined {
    return this.where;
  }

  /** The one line: "mounts[3].destination: message; hint: …". (JavaScriptCore's errors have a `line` of their own.) */
  get text(): string {
    const file = this.file === undefined ? "" : `${this.file}: `;
    const where = this.where === undefined || this.beginsWithWhere ? "" : `${this.where}: `;
    return `${file}${where}${this.message}${this.hint === undefined ? "" : `; hint: ${this.hint}`}`;
  }

  /** The same failure, told about something else: about the flag or option that a part of the config comes from. */
  about(where: string, code = this.code): BrunError {
    const { hint, fix, exitCode } = this;
    const message = this.beginsWithWhere ? where + this.message.slice(this.where!.length) : this.message;
    return new BrunError(message, { code, where, hint, fix, exitCode, cause: this });
  }

  /** "--writable goes with …", "mounts[3].source: expected …": the line does not say it twice. */
  private get beginsWithWhere(): boolean {
    const { where, message } = this;
    if (where === undefined || !message.startsWith(where)) return false;
    const next = message[where.length];
    return next === " " || next === ":";
  }
}

/** The one line that stands for any thrown value. */
export function errorLine(error: unknown): string {
  if (error instanceof BrunError) return error.text;
  return error instanceof Error ? error.message : String(error);
}
