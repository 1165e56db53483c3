/** The guard of a plan: each question that compiling it has asked, once, with its answer. */
import { each } from "../sys/lists.ts";
import { utf8 } from "../sys/utf8.ts";
import type { Input } from "./recorder.ts";

/** An input in the form of a plan file. */
export interface GuardOperation {
  readonly kind: number;
  readonly detail: number;
  /** A path or a name with a NUL, or a system call with its arguments, or nothing. */
  readonly about: Uint8Array;
  /** Null if there was none. */
  readonly answer: Uint8Array | null;
}

/**
 * Removes repeated questions. If a question had two answers the machine has changed meanwhile, and the result is a
 * text that says so.
 */
export function guardOf(inputs: readonly Input[]): GuardOperation[] | string {
  const known = new Map<string, Uint8Array | null>();
  const operations: GuardOperation[] = [];
  let changed: string | null = null;
  each(inputs, ({ kind, detail, about, answer }) => {
    const key = `${kind} ${detail} ${about}`;
    const bytes = typeof answer === "string" ? utf8(answer) : answer;
    const before = known.get(key);
    if (before !== undefined) {
      if (!isSame(before, bytes)) changed ??= `${about} has changed meanwhile`;
      return;
    }
    known.set(key, bytes);
    const name = typeof about === "string" ? utf8(about === "" ? "" : `${about}\0`) : about;
    operations.push({ kind, detail, about: name, answer: bytes });
  });
  return changed ?? operations;
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
