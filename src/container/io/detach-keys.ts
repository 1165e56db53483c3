/** The keys by which a user leaves an attached container: ctrl-p,ctrl-q, as in podman and docker. */
import { BrunError } from "../../errors.ts";

/** The result of {@link DetachKeys.take}. */
export interface Taken {
  /** The bytes for the container. */
  readonly typed: Uint8Array;
  readonly detached: boolean;
}

/** Finds a sequence of keys in the input. Keys that may begin it are held back until the next key. */
export class DetachKeys {
  private held = 0;

  constructor(private readonly sequence: readonly number[]) {}

  take(bytes: Uint8Array): Taken {
    const typed: number[] = [];
    for (const byte of bytes) {
      if (this.sequence.length > 0 && byte === this.sequence[this.held]) {
        if (++this.held === this.sequence.length) return { typed: new Uint8Array(typed), detached: true };
        continue;
      }
      typed.push(...this.sequence.slice(0, this.held));
      this.held = this.sequence.length > 0 && byte === this.sequence[0] ? 1 : 0;
      if (this.held === 0) typed.push(byte);
    }
    return { typed: new Uint8Array(typed), detached: false };
  }
}

const CONTROL = 0x1f;

/** `--detach-keys`: "ctrl-p,ctrl-q", "ctrl-x,x"; "" is none. Throws a BrunError. */
export function parseDetachKeys(text: string): number[] {
  if (text === "") return [];
  return text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & CONTROL;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new BrunError(`"${key}" is no key`, {
      code: "ERR_USAGE",
      where: "--detach-keys",
      hint: "a character, or ctrl- and a letter or one of @[\\]^_, with commas between several",
    });
  });
}
