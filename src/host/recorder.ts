/**
 * Records the questions that compiling a config asks about the caller and the machine, with their answers: the
 * *inputs* of a plan. A plan may be used again if all questions still have the same answers, and its guard
 * consists of them (these are the constructive traces of "Build Systems à la Carte"). The questions are in ask.ts.
 * If compiling makes any other system call, the plan is not kept.
 */
import type { InputKind } from "../plan/file-abi.ts";
import { watchCalls } from "../sys/ffi.ts";
import { syscallName } from "../sys/syscalls.ts";

/** A question and its answer. */
export interface Input {
  readonly kind: InputKind;
  /**
   * For a path: whether a symbolic link at its end is not followed. For an access the right, for a limit its
   * number.
   */
  readonly detail: number;
  /** A path, the name of a variable, or a system call with its arguments. */
  readonly about: string | Uint8Array;
  /** Null if there is none. */
  readonly answer: string | Uint8Array | null;
}

/** The questions since {@link startRecording}. */
export interface Recording {
  readonly inputs: readonly Input[];
  /** Why the plan cannot be used again, or null. */
  readonly reason: string | null;
}

const NOTHING = "nothing was recorded";

let inputs: Input[] | null = null;
let reason: string | null = null;
let watching = false;

/** Starts to keep answers. */
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

/** Marks the plan that is being compiled as uncacheable. The first reason counts. */
export function uncacheable(why: string): void {
  if (inputs !== null && reason === null) reason = why;
}

/** Ends the recording and returns it. Without {@link startRecording} it contains a reason not to use it. */
export function finishRecording(): Recording {
  const made = { inputs: inputs ?? [], reason: inputs === null ? NOTHING : reason };
  inputs = null;
  watch(false);
  return made;
}

/** The recording as it is now, without an end to it. */
export function recordedSoFar(): Recording {
  return { inputs: inputs === null ? [] : inputs.slice(), reason: inputs === null ? NOTHING : reason };
}

/** Records the questions of `ask` separately from a recording that is under way. */
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

/** Runs a part of compiling. A system call in it that is made by no question keeps the plan from being used again. */
export function compiling<T>(compile: () => T): T {
  return inputs === null ? compile() : watched(true, compile);
}

/** Runs the system calls of a question, or of a step whose inputs are recorded in another way. */
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
