/**
 * Plans for brun's own process: what `state`, `start`, `kill` and `delete` do to a container, and what `exec` looks at
 * before. A plan is compiled from the container's state. Bun runs it by one call into the C; the front runs it from the
 * container's directory, where it has been written down (src/container/lifecycle/local-plans.ts). There is no other implementation.
 * A plan that fails says by its operation why: the command compiles it once more, recorded, and explains that.
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

/** A plan being built, and the slots that whoever runs it fills in: LocalSlot. */
export interface Local {
  readonly b: ProgramBuilder;
  /** The container's directory. */
  readonly directory: Slot;
  /** The signal of `kill`. */
  readonly signal: Slot;
  /** Readable when brun is to end, or -1. */
  readonly interrupts: Slot;
  /** A descriptor for who explains a failure. */
  readonly kept: Slot;
  /** Says what the operations that follow are for. */
  readonly at: (step: PlainStep) => void;
  /** Where a plan that has done its work goes on. */
  readonly end: Label;
}

/** Compiles the same plan each time; with `record` with what its operations are for. */
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

/** What a plan is given; -1 for what is absent. */
export interface Given {
  readonly directory?: number;
  readonly signal?: number;
  readonly interrupts?: number;
}

/** Why a plan did not come to its end. */
export interface LocalFailure {
  readonly step: StepKind;
  readonly errno: number;
  readonly op: Op;
  /** What the plan has put into its slot of that name, or -1. */
  readonly kept: number;
}

const failed = layout("failure");
const FAILURE_SIZE = layout("failure").sizeof;

/** Runs a plan in this process. Returns null when it has come to its end. Throws an Error when the plan is none. */
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

/** Slots of runs of a plan: of each so many of the first ones. */
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

  /** The lower half: of a descriptor, a length. */
  get(run: number, slot: number): number {
    return this.words[2 * (run * this.each + slot)]!;
  }
}

/** What has become of a plan that was run for many. */
export interface Ran {
  /** Null where it has come to its end. */
  readonly failureOf: (run: number) => LocalFailure | null;
  /** The lower half of what is in a slot of its own. */
  readonly slotOf: (run: number, slot: number) => number;
}

/**
 * Runs a plan for many containers, one after the other, by one call into the C. What differs is in slots of its own, behind
 * those that every plan has; it looks at none of its structs that it has not filled before.
 * @param directory the slot of that name, for all of them
 * @param given what is in the slots of its own
 */
export function runForEach(compile: Compile, directory: number, given: readonly (readonly number[])[]): Ran {
  const own = LocalSlot.kept + 1;
  const runs = given.length;
  const slots = new Slots(own + (given[0]?.length ?? 0), runs);
  for (let run = 0; run < runs; run++) {
    const row = given[run]!;
    slots.set(run, LocalSlot.directory, directory);
    for (let slot = 0; slot < row.length; slot++) slots.set(run, own + slot, row[slot]!);
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
    slotOf: (run, slot) => slots.get(run, own + slot),
  };
}

/** Where a plan has failed. */
export interface Left {
  /** Of the operation. */
  readonly index: number;
  readonly errno: number;
  readonly kept: number;
}

/**
 * What the front has left of a plan that it began and that is not to begin once more, with the container's directory, locked;
 * null when there is none.
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

/** The failure of an operation of a plan that has been run. */
export function failureAt(compile: Compile, { index, errno, kept }: Left): LocalFailure {
  const op = compile(true).ops[index];
  if (op === undefined) throw new Error(`a plan was refused: ${errnoName(errno)}`);
  return { step: op.step.kind, errno, op, kept };
}

/** The error for a failure that no command knows more of. */
export function unexpected({ op, errno }: LocalFailure): BrunError {
  return new BrunError(`cannot ${phrase(op.step)}: ${errnoText(errno)} (${errnoName(errno)})`, {
    code: errnoName(errno),
  });
}
