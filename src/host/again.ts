/** A question of a guard asked once more, as the front does it (nsenter/front/guard.c): for `brun explain --cached`. */
import { InputKind } from "../plan/file-abi.ts";
import { type SyscallName, syscallName } from "../sys/syscalls.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import * as ask from "./ask.ts";
import { type GuardOperation, guardOf } from "./guard.ts";
import { finishRecording, startRecording } from "./recorder.ts";

/** Whether the answer is what it was. */
export function isAnsweredAsBefore(question: GuardOperation): boolean {
  startRecording();
  try {
    askAgain(question);
  } catch {
    // What cannot be asked is not as it was.
  }
  const now = guardOf(finishRecording().inputs);
  return typeof now !== "string" && now.some((other) => isSame(other, question));
}

function isSame(a: GuardOperation, b: GuardOperation): boolean {
  if (a.kind !== b.kind || a.detail !== b.detail || (a.answer === null) !== (b.answer === null)) return false;
  return (
    Buffer.compare(a.about, b.about) === 0 && Buffer.compare(a.answer ?? a.about, b.answer ?? b.about) === 0
  );
}

/** What a question is about, as text. */
export function aboutText({ about }: GuardOperation): string {
  return fromUtf8(about.subarray(0, about.length - 1));
}

/** The system call that a question is about. */
export function callOf({ about }: GuardOperation): readonly [name: SyscallName, ...args: number[]] {
  const [nr, ...args] = Array.from(new BigInt64Array(about.slice().buffer), Number);
  return [syscallName(nr!) as SyscallName, ...args];
}

function askAgain(question: GuardOperation): void {
  const { kind, detail } = question;
  const path = aboutText(question);
  switch (kind as InputKind) {
    case InputKind.file:
      ask.readFile(path);
      break;
    case InputKind.stamp:
      ask.tryStat(path, detail === 1);
      break;
    case InputKind.type:
      ask.fileType(path, detail === 1);
      break;
    case InputKind.link:
      ask.readlink(path);
      break;
    case InputKind.access:
      ask.access(path, detail);
      break;
    case InputKind.fileSystem:
      ask.fileSystem(path);
      break;
    case InputKind.variable:
      ask.variable(path);
      break;
    case InputKind.call:
      ask.call(...callOf(question));
      break;
    case InputKind.capabilities:
      ask.effectiveCapabilities();
      break;
    case InputKind.limit:
      ask.hardLimit(detail);
      break;
    case InputKind.stdio:
      ask.ownStdio();
      break;
    case InputKind.terminal:
      ask.hasTerminal();
  }
}
