/** Whether the front would use a cached plan, and why not: for `--debug` and `brun explain --cached`. Loaded when it is wanted. */
import { BrunError } from "../../errors.ts";
import { aboutText, callOf, isAnsweredAsBefore } from "../../host/again.ts";
import type { GuardOperation } from "../../host/guard.ts";
import { FrontFact } from "../../plan/abi.ts";
import { InputKind, Part } from "../../plan/file-abi.ts";
import { RLIMITS } from "../../sys/constants.ts";
import { SysError } from "../../sys/error.ts";
import { askFront } from "../../sys/ffi.ts";
import { members } from "../../sys/members.ts" with { type: "macro" };
import { readStateBytes } from "../state/store.ts";
import { planPath } from "./cached-files.ts";
import { PlanFile } from "./plan-file.ts";

const KINDS = Object.keys(members("InputKind"));

/** The name of a question of a guard. */
export function kindName(kind: number): string {
  return KINDS[kind] ?? "unknown";
}

/** The subject of a question of a guard: a path, a name, a system call; empty if its kind has none. */
export function subjectOf(question: GuardOperation): string {
  switch (question.kind as InputKind) {
    case InputKind.call: {
      const [name, ...args] = callOf(question);
      while (args.at(-1) === 0) args.pop();
      return `${name}(${args.join(", ")})`;
    }
    case InputKind.limit:
      return RLIMITS[question.detail] ?? `${question.detail}`;
    case InputKind.tty:
      return `${question.detail}`;
    case InputKind.names:
      return aboutText(question).split(" ")[0]!;
    case InputKind.capabilities:
    case InputKind.terminal:
    case InputKind.background:
    case InputKind.environment:
    case InputKind.mask:
      return "";
    default:
      return aboutText(question);
  }
}

/** The plan of a bundle or of words, or why there is none. */
function cachedPlan(root: string, key: readonly string[]): PlanFile | string {
  const file = planPath(root, key);
  try {
    const bytes = readStateBytes(file);
    if (bytes === null) return `there is no ${file}`;
    const plan = new PlanFile(bytes);
    const same = plan.texts(Part.key).join("\0") === key.join("\0");
    return same ? plan : `${file} has another plan`;
  } catch (error) {
    if (error instanceof RangeError) return `${file} has ${error.message}`;
    if (error instanceof SysError || error instanceof BrunError) return error.message;
    throw error;
  }
}

/** Whether this brun has written it. */
export function isOurs(plan: PlanFile): boolean {
  return plan.build === askFront(FrontFact.build);
}

/** The first of these plans that there is, or why there is none. */
export function firstPlan(
  root: string,
  keys: readonly (readonly string[])[],
): { readonly plan: PlanFile; readonly key: readonly string[] } | string {
  let why = "";
  for (const key of keys) {
    const plan = cachedPlan(root, key);
    if (typeof plan !== "string") return { plan, key };
    why = plan;
  }
  return why;
}

/** Why the front would not use one of the plans of a bundle or of words, or null. */
export function whyUnused(root: string, keys: readonly (readonly string[])[]): string | null {
  const reasons = keys.map((key) => whyUnusedBy(root, key));
  const isThere = (why: string | null) => why !== null && !why.startsWith("there is no ");
  return reasons.includes(null) ? null : (reasons.find(isThere) ?? reasons[0]!);
}

function whyUnusedBy(root: string, key: readonly string[]): string | null {
  const plan = cachedPlan(root, key);
  if (typeof plan === "string") return plan;
  if (!isOurs(plan)) return "another build of brun has written it";
  const changed = plan.guard().find((question) => !isAnsweredAsBefore(question));
  if (changed === undefined) return null;
  return `${kindName(changed.kind)} ${subjectOf(changed)}`.trimEnd().concat(" is not as it was");
}
