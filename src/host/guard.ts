/** The guard of a plan: each question that compiling it has asked, once, with its answer. */
import { InputKind } from "../plan/file-abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { each } from "../sys/lists.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
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
      if (!isSameAnswer(kind, before, bytes)) changed ??= `${about} has changed meanwhile`;
      return;
    }
    known.set(key, bytes);
    const name = typeof about === "string" ? utf8(about === "" ? "" : `${about}\0`) : about;
    operations.push({ kind, detail, about: name, answer: bytes });
  });
  return changed ?? sorted(operations);
}

/** The front asks the kernel once about questions of one path that follow each other: nsenter/front/answers.c. */
function sorted(operations: readonly GuardOperation[]): GuardOperation[] {
  const byPath = new Map<string, GuardOperation[]>();
  const groups: GuardOperation[][] = [];
  const others: GuardOperation[] = [];
  each(operations, (operation) => {
    if (operation.kind > InputKind.identity) {
      others.push(operation);
      return;
    }
    const path = fromUtf8(operation.about);
    const group = byPath.get(path);
    // The status of a link itself comes first: if it is no link, the other one is the same.
    if (group !== undefined && operation.detail === 1) group.unshift(operation);
    else if (group !== undefined) group.push(operation);
    else {
      const begun = [operation];
      byPath.set(path, begun);
      groups.push(begun);
    }
  });
  groups.push(others);
  const all: GuardOperation[] = [];
  each(groups, (group) => {
    each(group, (operation) => {
      all.push(operation);
    });
  });
  return all;
}

/** Whether two answers say the same. The stamp before names is no part of what they say. */
export function isSameAnswer(kind: InputKind, a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = kind === InputKind.names ? layout("stamp").sizeof : 0; i < a.length; i++)
    if (a[i] !== b[i]) return false;
  return true;
}
