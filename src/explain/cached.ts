/** Describes the plan that the front uses for the next `run` of a bundle: `brun explain --cached`. */

import { planPath } from "../container/lifecycle/cached-files.ts";
import { firstPlan, isOurs, kindName, subjectOf } from "../container/lifecycle/cached-reason.ts";
import type { PlanFile } from "../container/lifecycle/plan-file.ts";
import { BrunError } from "../errors.ts";
import { isAnsweredAsBefore } from "../host/again.ts";
import type { GuardOperation } from "../host/guard.ts";
import { describeOp } from "../plan/describe.ts";
import { HOLE_MARK, Hole, InputKind, Part } from "../plan/file-abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { printable } from "../printable.ts";
import { decodeProgram } from "../stage/decode.ts";
import { errnoName } from "../sys/errno.ts";
import { S } from "../sys/fs.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import { fromUtf8 } from "../sys/utf8.ts";
import type { Marks } from "./text.ts";

/** One question of the guard. */
export interface ExplainedInput {
  /** "file", "stamp", … */
  readonly kind: string;
  readonly about: string;
  readonly answer: string;
  /** Whether the answer is still the same. */
  readonly same: boolean;
}

/** A cached plan. */
export interface CachedExplanation {
  readonly file: string;
  readonly bundle: string;
  /** Whether this version of brun has written it. */
  readonly ours: boolean;
  readonly guard: readonly ExplainedInput[];
  readonly warnings: readonly string[];
  readonly programs: readonly { readonly name: string; readonly operations: readonly string[] }[];
}

const PROGRAMS = [
  ["enter", Part.enter],
  ["build", Part.build],
  ["finish", Part.finish],
  ["make", Part.make],
  ["save", Part.save],
  ["hooks", Part.hooks],
  ["publish", Part.publish],
  ["cleanup", Part.cleanup],
] as const;

const HOLES = Object.keys(members("Hole"));

/** Marks of holes in a text (HOLE_MARK), as they are shown. */
const MARKS = /\\u00(0[ef]|1[0-9a-f])/g;

const TYPES: Readonly<Record<number, string>> = {
  [S.IFDIR]: "directory",
  [S.IFREG]: "file",
  [S.IFLNK]: "link",
  [S.IFSOCK]: "socket",
  [S.IFIFO]: "FIFO",
  [S.IFCHR]: "character device",
  [S.IFBLK]: "block device",
};

/**
 * Reads the plan of a bundle, or of flags and a directory. Throws a BrunError if there is none.
 * @param bundle its path, or the flags as text
 */
export function explainCached(
  root: string,
  keys: readonly (readonly string[])[],
  bundle: string,
): CachedExplanation {
  const found = firstPlan(root, keys);
  if (typeof found === "string") throw noPlan(bundle, found);
  const { plan, key } = found;
  return {
    file: planPath(root, key),
    bundle,
    ours: isOurs(plan),
    guard: plan.guard().map(explainInput),
    warnings: fromUtf8(plan.part(Part.warnings)).split("\n").filter(Boolean),
    // Few containers have hooks.
    programs: PROGRAMS.filter(([, part]) => plan.part(part).length > 0).map(([name, part]) => ({
      name,
      operations: operations(plan, part),
    })),
  };
}

function operations(plan: PlanFile, part: Part): string[] {
  const whole = [...plan.holes(part)].filter(([, hole]) => hole !== Hole.text);
  const holes = new Map(whole.map(([at, hole]) => [at, nameOfHole(hole)]));
  return decodeProgram(plan.part(part), holes).map((op, i) =>
    printable(describeOp(op, i), true).replace(
      MARKS,
      (_, hex: string) => `<${nameOfHole(Number.parseInt(hex, 16) - HOLE_MARK)}>`,
    ),
  );
}

function nameOfHole(hole: number): string {
  return HOLES[hole] ?? "unknown";
}

function noPlan(bundle: string, why: string): BrunError {
  return new BrunError(`no plan of ${bundle} is cached: ${why}`, {
    hint: "`brun --debug run` says why a plan is not cached",
  });
}

function explainInput(question: GuardOperation): ExplainedInput {
  return {
    kind: kindName(question.kind),
    about: printable(subjectOf(question), true),
    answer: printable(answerText(question), true),
    same: isAnsweredAsBefore(question),
  };
}

/** Bytes as 32-bit words. */
function words(bytes: Uint8Array): number[] {
  return Array.from(new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer));
}

function answerText({ kind, answer }: GuardOperation): string {
  if (answer === null) return "none";
  const [first = 0, second = 0, third = 0] = words(answer);
  const signed = first | 0;
  switch (kind as InputKind) {
    case InputKind.file:
      return `${answer.length} bytes`;
    case InputKind.stamp:
      return `inode ${first + second * 4294967296}, ${third} bytes`;
    case InputKind.type:
      return signed < 0 ? errnoName(-signed) : (TYPES[first] ?? `0${first.toString(8)}`);
    case InputKind.link:
    case InputKind.variable:
      return fromUtf8(answer);
    case InputKind.inside:
      return first === 1 ? "holds the current directory" : "not of the current directory";
    case InputKind.ownWay:
      return third === 1 ? "only the caller's from there to the current directory" : "others on the way";
    case InputKind.call:
    case InputKind.access:
      return signed < 0 && signed > -4096 ? errnoName(-signed) : `${first}`;
    case InputKind.names:
      return (
        fromUtf8(answer.subarray(layout("stamp").sizeof))
          .split("\0")
          .slice(0, -1)
          .join(" ") || "none"
      );
    case InputKind.fileSystem:
      return `type 0x${first.toString(16)}, flags 0x${second.toString(16)}`;
    case InputKind.limit: {
      const value = first + second * 4294967296;
      return value > Number.MAX_SAFE_INTEGER ? "unlimited" : `${value}`;
    }
    case InputKind.capabilities:
      return first === 0 && second === 0
        ? "none"
        : `0x${((BigInt(second) << 32n) | BigInt(first)).toString(16)}`;
    default:
      return `${first}`;
  }
}

/** The explanation as text. */
export function cachedText(e: CachedExplanation, marks: Marks): string {
  const width = (of: (input: ExplainedInput) => string) =>
    Math.min(60, Math.max(0, ...e.guard.map((input) => of(input).length)));
  const [kinds, abouts] = [width(({ kind }) => kind), width(({ about }) => about)];
  const inputs = e.guard.map(
    ({ kind, about, answer, same }) =>
      `${kind.padEnd(kinds)}  ${about.padEnd(abouts)}  ${answer}${same ? "" : "  (not so now)"}`,
  );
  const used = !e.ours
    ? "not used: another brun has written it"
    : e.guard.every(({ same }) => same)
      ? "used by the next run"
      : "not used: the guard does not agree";
  const parts: [string, readonly string[]][] = [
    ["Plan", [`${e.file} of ${e.bundle}`, used]],
    ["Guard", inputs],
    ["Warnings", e.warnings],
    ...e.programs.map(({ name, operations }): [string, string[]] => [
      `Program ${name}`,
      operations.map((operation, i) => `${`${i}`.padStart(4)}  ${operation}`),
    ]),
  ];
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${marks.title(title)}\n${lines.map((line) => `  ${line}\n`).join("")}`)
    .join("\n");
}
