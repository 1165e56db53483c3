/** A question of a guard asked once more, as the front does it (nsenter/front/guard.c): for `brun explain --cached`. */
import { InputKind } from "../plan/file-abi.ts";
import { type SyscallName, syscallName } from "../sys/syscalls.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import * as ask from "./ask.ts";
import * as caller from "./ask-caller.ts";
import * as files from "./ask-files.ts";
import { type GuardOperation, guardOf } from "./guard.ts";
import { recordAside } from "./recorder.ts";

/** Whether the answer is what it was. */
export function isAnsweredAsBefore(question: GuardOperation): boolean {
  const { inputs } = recordAside(() => {
    try {
      askAgain(question);
    } catch {
      // What cannot be asked is not as it was.
    }
  });
  const now = guardOf(inputs);
  return typeof now !== "string" && now.some((other) => isSame(other, question));
}

function isSame(a: GuardOperation, b: GuardOperation): boolean {
  if (a.kind !== b.kind || a.detail !== b.detail || (a.answer === null) !== (b.answer === null)) return false;
  return (
    Buffer.compare(a.about, b.about) === 0 && Buffer.compare(a.answer ?? a.about, b.answer ?? b.about) === 0
  );
}

/** What a question is about, as text. */
export function aboutText(question: GuardOperation): string {
  return textsOf(question).join(" ");
}

function textsOf({ about }: GuardOperation): string[] {
  return fromUtf8(about).split("\0").slice(0, -1);
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
      break;
    default:
      askMore(question);
  }
}

/** Those of ask-files.ts and ask-caller.ts. */
function askMore(question: GuardOperation): void {
  const { kind, detail, answer } = question;
  const [path = "", ...more] = textsOf(question);
  switch (kind as InputKind) {
    case InputKind.status:
      files.status(path, detail === 1);
      break;
    case InputKind.identity:
      files.identity(path);
      break;
    case InputKind.shared: {
      const [uid = 0, gid = 0] = new Uint32Array((answer ?? new Uint8Array(0)).slice().buffer);
      files.hasSharedEntry(path, uid, gid);
      break;
    }
    case InputKind.names:
      files.namesIn(path, more);
      break;
    case InputKind.fileInRoot:
      files.textInRoot(path, more[0] ?? "");
      break;
    case InputKind.existsInRoot:
      files.existsInRoot(path, more[0] ?? "");
      break;
    case InputKind.tty:
      caller.isTerminal(detail);
      break;
    case InputKind.background:
      caller.isInBackground();
      break;
    case InputKind.environment:
      caller.variables(caller.environment());
      break;
    case InputKind.mask:
      caller.fileMask();
  }
}
