/** Asks a question of a guard again, as the front does (nsenter/front/guard.c), for `brun explain --cached`. */
import { InputKind } from "../plan/file-abi.ts";
import { type SyscallName, syscallName } from "../sys/syscalls.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import * as ask from "./ask.ts";
import * as caller from "./ask-caller.ts";
import * as files from "./ask-files.ts";
import { type GuardOperation, guardOf, isSameAnswer } from "./guard.ts";
import { recordAside } from "./recorder.ts";

/** Whether the answer is still the same. */
export function isAnsweredAsBefore(question: GuardOperation): boolean {
  const { inputs } = recordAside(() => {
    try {
      askAgain(question);
    } catch {
      // A question that cannot be asked counts as changed.
    }
  });
  const now = guardOf(inputs);
  return typeof now !== "string" && now.some((other) => isSame(other, question));
}

function isSame(a: GuardOperation, b: GuardOperation): boolean {
  if (a.kind !== b.kind || a.detail !== b.detail || (a.answer === null) !== (b.answer === null)) return false;
  return Buffer.compare(a.about, b.about) === 0 && isSameAnswer(a.kind, a.answer, b.answer);
}

/** The subject of a question as text. */
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

/** How each kind of question is asked. The texts are its subject. */
const ASK: {
  readonly [Kind in InputKind]: (question: GuardOperation, texts: readonly [string, ...string[]]) => unknown;
} = {
  [InputKind.file]: (_, [path]) => ask.readFile(path),
  [InputKind.stamp]: ({ detail }, [path]) => ask.tryStat(path, detail === 1),
  [InputKind.type]: ({ detail }, [path]) => ask.fileType(path, detail === 1),
  [InputKind.link]: (_, [path]) => ask.readlink(path),
  [InputKind.access]: ({ detail }, [path]) => ask.access(path, detail),
  [InputKind.rights]: (_, [path]) => files.rights(path),
  [InputKind.fileSystem]: (_, [path]) => ask.fileSystem(path),
  [InputKind.status]: ({ detail }, [path]) => files.status(path, detail === 1),
  [InputKind.identity]: (_, [path]) => files.identity(path),
  [InputKind.shared]: ({ answer }, [path]) => {
    const [uid = 0, gid = 0] = new Uint32Array((answer ?? new Uint8Array(0)).slice().buffer);
    return files.hasSharedEntry(path, uid, gid);
  },
  [InputKind.names]: (_, [path, ...patterns]) => files.namesIn(path, patterns),
  [InputKind.fileInRoot]: (_, [root, path = ""]) => files.textInRoot(root, path),
  [InputKind.existsInRoot]: (_, [root, path = ""]) => files.existsInRoot(root, path),
  [InputKind.inside]: ({ detail }, [path]) =>
    detail === 1 ? caller.here().isAt(path) : caller.here().isIn(path),
  [InputKind.ownWay]: ({ answer }, [path]) => {
    const [uid = 0, gid = 0] = new Uint32Array((answer ?? new Uint8Array(0)).slice().buffer);
    return caller.here().isByOwnWay(path, uid, gid);
  },
  [InputKind.variable]: (_, [name]) => ask.variable(name),
  [InputKind.call]: (question) => ask.call(...callOf(question)),
  [InputKind.capabilities]: () => ask.effectiveCapabilities(),
  [InputKind.limit]: ({ detail }) => ask.hardLimit(detail),
  [InputKind.terminal]: () => ask.hasTerminal(),
  [InputKind.tty]: ({ detail }) => caller.isTerminal(detail),
  [InputKind.background]: () => caller.isInBackground(),
  [InputKind.environment]: () => caller.variables(caller.environment()),
  [InputKind.mask]: () => caller.fileMask(),
};

/** Asks nothing, for kinds that this brun does not know. */
function askAgain(question: GuardOperation): void {
  const [first = "", ...more] = textsOf(question);
  ASK[question.kind as InputKind]?.(question, [first, ...more]);
}
