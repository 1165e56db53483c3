/**
 * Plans for brun's own process: the work of `state`, `start`, `kill` and `delete` on a container, and the checks
 * of `exec` before it. A plan is compiled from the container's state. Bun runs it by one call into the C. The
 * front runs it from the container's directory, where it was written (src/container/lifecycle/local-plans.ts).
 * There is no other implementation. If a plan fails, its operation tells why: the command compiles the plan again,
 * recorded, and explains the operation.
 */
import { BrunError } from "../errors.ts";
import { errnoName, errnoText } from "../sys/errno.ts";
import { askFront, runProgram } from "../sys/ffi.ts";
import { each } from "../sys/lists.ts";
import { FrontFact } from "./abi.ts";
import { LocalSlot } from "./file-abi.ts";
import { layout } from "./layout.ts" with { type: "macro" };
import { type Label, type Op, type Program, ProgramBuilder, type Slot } from "./program.ts";
import { type PlainStep, phrase, type Step, type StepKind } from "./step.ts";

/** A plan under construction, and the slots that are filled in before it runs (LocalSlot). */
export interface Local {
  readonly b: ProgramBuilder;
  /** The container's directory. */
  readonly directory: Slot;
  /** The signal of `kill`. */
  readonly signal: Slot;
  /** A descriptor that becomes readable when a signal asks brun to end, or -1. */
  readonly interrupts: Slot;
  /** A descriptor that is needed to explain a failure. */
  readonly kept: Slot;
  /** Sets the purpose of the following operations. */
  readonly at: (step: PlainStep) => void;
  /** The end of the plan, for a jump after the work is done. */
  readonly end: Label;
}

/** Compiles the same plan each time. With `record` it keeps the purposes of the operations. */
export type Compile = (record: boolean) => Program;

/** Builds a plan. */
export function localPlan(build: (local: Local) => void, record: boolean): Program {
  const b = new ProgramBuilder(record);
  const end = b.label();
  build({
    b,
    directory: b.slot(),
    signal: b.slot(),
    interrupts: b.slot(),
    kept: b.slot(),
    at: (kind) => b.at("", { kind } as Step),
    end,
  });
  b.mark(end);
  return b.finish();
}

/** The values that a plan gets; -1 for a missing one. */
export interface Given {
  readonly directory?: number;
  readonly signal?: number;
  readonly interrupts?: number;
}

/** The reason why a plan failed. */
export interface LocalFailure {
  readonly step: StepKind;
  readonly errno: number;
  readonly op: Op;
  /** The descriptor that the plan has put into its slot `kept`, or -1. */
  readonly kept: number;
}

const failed = layout("failure");
const FAILURE_SIZE = layout("failure").sizeof;

/** Runs a plan in this process. Returns null if it succeeds. Throws an Error for an invalid plan. */
export function runLocal(
  compile: Compile,
  { directory = -1, signal = -1, interrupts = -1 }: Given,
): LocalFailure | null {
  const slots = new Slots(LocalSlot.kept + 1, 1);
  each([directory, signal, interrupts, -1], (value, slot) => slots.set(0, slot, value));
  const failure = new Int32Array(FAILURE_SIZE / 4);
  if (runProgram(compile(false).bytes, slots.words, slots.each, failure) === 0) return null;
  const [index, errno] = [failure[failed.op / 4]!, failure[failed.error / 4]!];
  return failureAt(compile, { index, errno, kept: slots.get(0, LocalSlot.kept) });
}

/** The first slots of each run of a plan. */
class Slots {
  readonly words: Int32Array;

  constructor(
    readonly each: number,
    runs: number,
  ) {
    this.words = new Int32Array(2 * each * runs);
  }

  set(run: number, slot: number, value: number): void {
    const word = 2 * (run * this.each + slot);
    this.words[word] = value;
    this.words[word + 1] = (value - (value >>> 0)) / 2 ** 32;
  }

  /** The lower half of a slot, which is enough for a descriptor or a length. */
  get(run: number, slot: number): number {
    return this.words[2 * (run * this.each + slot)]!;
  }
}

/** The results of a plan that was run for several containers. */
export interface Ran {
  /** The failure of a run; null if it succeeded. */
  readonly failureOf: (run: number) => LocalFailure | null;
  /** The lower half of a slot. */
  readonly slotOf: (run: number, slot: number) => number;
}

/**
 * Runs a plan for many containers, one after the other, by one call into the C. The values that differ are in
 * additional slots, behind those of every plan. Structs and other slots are not reset between runs, so each run has
 * to fill in those that it reads.
 * @param directory the slot of that name, for every run
 * @param given the values of each additional slot: one for each run
 */
export function runForEach(
  compile: Compile,
  directory: number,
  given: readonly [readonly number[], ...(readonly number[])[]],
): Ran {
  const own = LocalSlot.kept + 1;
  const runs = given[0].length;
  const slots = new Slots(own + given.length, runs);
  for (let run = 0; run < runs; run++) slots.set(run, LocalSlot.directory, directory);
  for (let slot = 0; slot < given.length; slot++) {
    const values = given[slot]!;
    for (let run = 0; run < runs; run++) slots.set(run, own + slot, values[run]!);
  }
  const failures = new Int32Array((FAILURE_SIZE / 4) * runs);
  runProgram(compile(false).bytes, slots.words, slots.each, failures, runs);
  let recorded: Program | undefined;
  const compiled = () => (recorded ??= compile(true));
  return {
    failureOf(run) {
      const at = (FAILURE_SIZE / 4) * run;
      const errno = failures[at + failed.error / 4]!;
      if (errno === 0) return null;
      const index = failures[at + failed.op / 4]!;
      return failureAt(compiled, { index, errno, kept: slots.get(run, LocalSlot.kept) });
    },
    slotOf: (run, slot) => slots.get(run, slot),
  };
}

/** A failure in a plan that the front has run. */
export interface Left {
  /** The index of the operation. */
  readonly index: number;
  readonly errno: number;
  readonly kept: number;
}

/**
 * The failure of a plan that the front has run and that must not run again, with the locked directory of the
 * container; null if there is none.
 */
export function leftByFront(): (Left & { readonly directory: number }) | null {
  const index = askFront(FrontFact.leftOp);
  if (index < 0) return null;
  return {
    index,
    errno: askFront(FrontFact.leftErrno),
    kept: askFront(FrontFact.leftKept),
    directory: askFront(FrontFact.leftDirectory),
  };
}

/** The failure at an operation of a plan. */
export function failureAt(compile: Compile, { index, errno, kept }: Left): LocalFailure {
  const op = compile(true).ops[index];
  if (op === undefined) throw new Error(`a plan was refused: ${errnoName(errno)}`);
  return { step: op.step.kind, errno, op, kept };
}

/** The error for a failure that the command has no better text for. */
export function unexpected({ op, errno }: LocalFailure): BrunError {
  return new BrunError(`cannot ${phrase(op.step)}: ${errnoText(errno)} (${errnoName(errno)})`, {
    code: errnoName(errno),
  });
}
