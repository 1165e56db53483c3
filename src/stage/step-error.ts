/** The error of a step that failed. */
import { BrunError } from "../errors.ts";
import type { Op, Program } from "../plan/program.ts";
import type { Step } from "../plan/step.ts";

/** A failed operation of a program, with the programs around it: `--explain-error` shows them. */
export class StepError extends BrunError {
  constructor(
    { message, where, hint, fix, code }: BrunError,
    /** The recorded programs that the stage was sent. */
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

  /** The purpose of the operation. */
  get step(): Step {
    return this.operation.step;
  }
}

/** The failed step of an error, or of one of its causes; null if the error is about none. */
export function stepErrorOf(error: unknown): StepError | null {
  for (let e = error; e instanceof Error; e = e.cause) if (e instanceof StepError) return e;
  return null;
}
