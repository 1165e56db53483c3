/**
 * What compiling a config has asked the caller and the machine, each question with its answer: the *inputs* of a plan. A plan
 * may be used again when all questions, asked again, have the same answers: its guard is made of nothing else (these are the
 * constructive traces of "Build Systems à la Carte"). The questions are in ask.ts. Whatever else asks the kernel something
 * while a config is compiled, by whatever way, makes the plan one that is not kept.
 */
import type { InputKind } from "../plan/file-abi.ts";
import { watchCalls } from "../sys/ffi.ts";
import { syscallName } from "../sys/syscalls.ts";

/** A question and its answer. */
export interface Input {
  readonly kind: InputKind;
  /** Of a path: whether a symbolic link at its end is not followed; the right of an access, the number of a limit. */
  readonly detail: number;
  /** A path, the name of a variable, a system call with its arguments. */
  readonly about: string | Uint8Array;
  /** Null: there is none. */
  readonly answer: string | Uint8Array | null;
}

/** What has been asked since {@link startRecording}. */
export interface Recording {
  readonly inputs: readonly Input[];
  /** Why the plan cannot be used again, or null. */
  readonly reason: string | null;
}

let inputs: Input[] | null = null;
let reason: string | null = null;
let watching = false;

/** From now on answers are kept. */
export function startRecording(): void {
  inputs = [];
  reason = null;
}

/** Whether answers are kept. */
export function isRecording(): boolean {
  return inputs !== null;
}

/** Keeps an answer. */
export function record(
  kind: InputKind,
  detail: number,
  about: Input["about"],
  answer: Input["answer"],
): void {
  if (inputs !== null) inputs.push({ kind, detail, about, answer });
}

/** Says why what is being compiled cannot be used again; the first reason counts. */
export function uncacheable(why: string): void {
  if (inputs !== null && reason === null) reason = why;
}

/** Ends the recording and returns it; one without a beginning is of no use to anybody. */
export function finishRecording(): Recording {
  const made = { inputs: inputs ?? [], reason: inputs === null ? "nothing was recorded" : reason };
  inputs = null;
  watch(false);
  return made;
}

/** What is asked meanwhile, whatever is being recorded. */
export function recordAside(ask: () => void): Recording {
  const before = [inputs, reason, watching] as const;
  startRecording();
  watch(false);
  try {
    ask();
    return { inputs: inputs ?? [], reason };
  } finally {
    [inputs, reason] = before;
    watch(before[2]);
  }
}

/** A part of compiling: a system call in it that no question has made keeps the plan from being used again. */
export function compiling<T>(compile: () => T): T {
  return inputs === null ? compile() : watched(true, compile);
}

/** A question's own system calls, or those of a step whose inputs are told otherwise. */
export function asking<T>(ask: () => T): T {
  return watching ? watched(false, ask) : ask();
}

function watched<T>(on: boolean, act: () => T): T {
  const before = watching;
  watch(on);
  try {
    return act();
  } finally {
    watch(before);
  }
}

function watch(on: boolean): void {
  watching = on;
  watchCalls(on ? pastQuestions : null);
}

function pastQuestions(nr: number): void {
  if (reason === null) uncacheable(`the system call ${syscallName(nr)} was made past the recorder`);
}
