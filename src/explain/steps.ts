/** The init programs as readable steps. */
import type { ContainerConfig } from "../config/types.ts";
import { needsState, recordedPrograms } from "../init/standard.ts";
import { describeOp } from "../plan/describe.ts";
import type { Op } from "../plan/program.ts";
import { phrase } from "../plan/step.ts";
import { printable } from "../printable.ts";

/** One thing that is done. */
export interface ExplainedStep {
  /** The config path, flag or command that the step belongs to. */
  readonly where: string;
  /** "mount proc on /proc" */
  readonly doing: string;
  /** The system calls of the step, and the number of the first one in the program. */
  readonly first: number;
  readonly calls: readonly string[];
}

/** One program, which the stage gets as a whole. */
export interface ProgramExplanation {
  readonly name: string;
  readonly steps: readonly ExplainedStep[];
}

/** The purposes of the programs, in the order in which the stage gets them. */
export const PROGRAM_NAMES = [
  "enter: from the caller's namespaces into the container's",
  "build: the root file system with everything mounted",
  "finish: from there to the container's program",
];

/** Placeholder for the state that hooks get on stdin: the process, whose pid it would have, does not exist. */
const STATE = "{the container's state}";

/** The programs that would be sent to the stage. Pure. */
export function explainPrograms(config: ContainerConfig): ProgramExplanation[] {
  const states = needsState(config) ? { creating: STATE, created: STATE } : null;
  return recordedPrograms(config, states).map(({ ops }, i) => ({
    name: PROGRAM_NAMES[i]!,
    steps: stepsOf(ops),
  }));
}

/** Groups consecutive operations with the same purpose into steps. */
export function stepsOf(ops: readonly Op[]): ExplainedStep[] {
  const steps: { where: string; doing: string; first: number; calls: string[] }[] = [];
  ops.forEach((op, i) => {
    const last = steps.at(-1);
    const text = printable(describeOp(op, i), true);
    const doing = printable(phrase(op.step), true);
    const where = printable(op.where, true);
    if (last?.where === where && last.doing === doing) last.calls.push(text);
    else steps.push({ where, doing, first: i, calls: [text] });
  });
  return steps;
}
