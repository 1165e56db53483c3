/** The init programs as steps that can be read. */
import type { ContainerConfig } from "../config/types.ts";
import { needsState, recordedPrograms } from "../init/standard.ts";
import { describeOp } from "../plan/describe.ts";
import type { Op } from "../plan/program.ts";
import { phrase } from "../plan/step.ts";
import { printable } from "../printable.ts";

/** One thing that is done. */
export interface ExplainedStep {
  /** Config path, or the flag or command that it belongs to. */
  readonly where: string;
  /** "mount proc on /proc" */
  readonly doing: string;
  /** Its system calls; the first has this number in the program. */
  readonly first: number;
  readonly calls: readonly string[];
}

/** A program, which the stage gets in one piece. */
export interface ProgramExplanation {
  readonly name: string;
  readonly steps: readonly ExplainedStep[];
}

/** What the programs are for, in the order in which the stage gets them. */
export const PROGRAM_NAMES = [
  "enter: from the caller's namespaces into the container's",
  "build: the root file system with everything mounted",
  "finish: from there to the container's program",
];

/** Stands for the state that hooks get on stdin, which has the pid of a process that there is not. */
const STATE = "{the container's state}";

/** The programs that the stage would be sent. Pure. */
export function explainPrograms(config: ContainerConfig): ProgramExplanation[] {
  const states = needsState(config) ? { creating: STATE, created: STATE } : null;
  return recordedPrograms(config, states).map(({ ops }, i) => ({
    name: PROGRAM_NAMES[i]!,
    steps: stepsOf(ops),
  }));
}

/** Operations that follow each other and are for the same thing are one step. */
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
