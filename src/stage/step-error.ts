/** The error of a step that failed. */
import { BrunError } from "../errors.ts";
import type { Op, Program } from "../plan/program.ts";
import type { Step } from "../plan/step.ts";

/** A failed operation of a program, with the programs around it: `--explain-error` shows them. */
export class StepError extends BrunError {
  constructor(
    { message, where, hint, fix, code }: BrunError,
    /** Those that the stage was sent, recorded. */
    readonly programs: readonly Program[],
    /** Index in {@link programs}. */
    readonly program: number,
    /** Index of the operation in its program. */
    readonly op: number,
  ) {
    super(message, { where, hint, fix, code });
  }

  /** The operation that failed. */
  get operation(): Op {
    return this.programs[this.program]!.ops[this.op]!;
  }

  /** What it was for. */
  get step(): Step {
    return this.operation.step;
  }
}

/** The failed step that an error is about: its own, or that of one that it was made from; null for another failure. */
export function stepErrorOf(error: unknown): StepError | null {
  for (let e = error; e instanceof Error; e = e.cause) if (e instanceof StepError) return e;
  return null;
}
