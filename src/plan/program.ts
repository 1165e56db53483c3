/**
 * A program for the stage: a flat list of operations over slots (results, mostly file descriptors) and a blob
 * (structs and strings). Built by src/init, executed by nsenter/plan/execute.c, printed by describe.ts. Building one
 * does no I/O.
 *
 * Building is on the hot path, in a process too short-lived for the JIT: operations are numbers in one plain
 * array, turned into bytes at the end. What people need to know about each operation is kept only by a
 * recording builder; since compiling is pure, it is compiled again for that when something has failed.
 */

import { BrunError } from "../errors.ts";
import { mapped } from "../sys/lists.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import { NR, type SyscallName } from "../sys/syscalls.ts";
import { utf8, utf8Length } from "../sys/utf8.ts";
import {
  ANY_ERRNO as ANY,
  ArgType,
  BITS_INVERTED,
  Copy,
  ID_MAX,
  NO_SLOT,
  PROGRAM_MAGIC,
  PROGRAM_SLOTS,
  RELOCATE_BLOB,
} from "./abi.ts";
import { layout } from "./layout.ts" with { type: "macro" };
import type { Blob, Label, Op, OpKindName, Policy, Program, Slot, Str, Text, Value } from "./operation.ts";
import type { Step } from "./step.ts";

export type { Blob, Label, Op, Policy, Program, Slot, Str, Text, Value } from "./operation.ts";
export type { Step } from "./step.ts";
export { ANY };

/** Sizes and places in words of 4 bytes. */
const HEADER_WORDS = layout("programHeader").sizeof / 4;
const OP_WORDS = layout("op").sizeof / 4;
const ARG_WORDS = (layout("op").sizeof - layout("op").args) / 4;
const HANDLED = layout("op").handled / 4;
const ON_HANDLED = layout("op").onHandled / 4;
const ON_SUCCESS = layout("op").onSuccess / 4;
const CLOSES = layout("op").closes / 4;
const kinds = members("OpKind");
const none: Policy = {};
const noStep: Step = { kind: "none" };

/** Builds a {@link Program}. */
export class ProgramBuilder {
  /** What has been built, when recording. */
  readonly ops: Op[] = [];
  private readonly words: number[] = [];
  private readonly relocations: number[] = [];
  private readonly ids: number[] = [];
  private readonly structs: Uint8Array[] = [];
  private structsLength = 0;
  private text = "";
  private textLength = 0;
  private readonly strings = new Map<string, Str>();
  private readonly freeSlots: number[];
  private slotCount: number;
  private where = "";
  private step = noStep;
  private path: Blob | undefined;
  /** Jumps whose place is not known yet. */
  private unmarked = 0;

  /**
   * @param record keep what each operation is for
   * @param before the program that runs before this one in the same stage: its slots live on
   */
  constructor(
    readonly record = false,
    before?: ProgramBuilder,
  ) {
    this.slotCount = before === undefined ? 0 : before.slotCount;
    this.freeSlots = before === undefined ? [] : before.freeSlots;
  }

  /** Sets the config path that the operations that follow come from, and what they are for. */
  at(where: string, step: Step): this {
    this.where = where;
    this.step = step;
    return this;
  }

  /** A fresh slot. Throws a BrunError beyond 1024 live ones, which only sources of mounts can be. */
  slot(): Slot {
    const slot = this.freeSlots.pop() ?? this.slotCount++;
    if (slot >= PROGRAM_SLOTS) {
      throw new BrunError("more bind mounts than descriptors that a process can have open", {
        where: this.where,
        hint: "map the caller's own id to 0: root of the container then reaches the sources itself, one after the other",
      });
    }
    return { type: ArgType.slot, at: slot, text: "" };
  }

  /** Gives a slot's number back; what it held is not closed. */
  free(slot: Slot): void {
    this.freeSlots.push(slot.at);
  }

  /** Reserves zeroed, 8-aligned bytes that the program fills in while it runs. */
  reserve(size: number, text: Text = "buffer"): Blob {
    return this.bytes(new Uint8Array(size), text);
  }

  /** Adds bytes, 8-aligned. */
  bytes(data: Uint8Array, text: Text): Blob {
    const at = this.structsLength;
    this.structs.push(data);
    this.structsLength = (at + data.length + 7) & ~7;
    return { type: ArgType.blob, at, text: this.record ? (typeof text === "string" ? text : text()) : "" };
  }

  /**
   * Adds a text that ends with a container's id. What has no more than ID_MAX characters can be written over
   * in the finished program: brun's front does so (src/container/lifecycle/cached-plan.ts).
   */
  idText(before: string, id: string): Blob | Str {
    if (id.length > ID_MAX) return this.str(before + id);
    const text = utf8(before + id);
    const data = new Uint8Array(before.length + ID_MAX + 1);
    data.set(text);
    const blob = this.bytes(data, `${before}${id}`);
    this.ids.push(blob.at + before.length);
    return blob;
  }

  /** Adds a string; the same string is stored once. Throws a RangeError on a NUL byte. */
  str(s: string): Str {
    const known = this.strings.get(s);
    if (known !== undefined) return known;
    if (s.includes("\0")) throw new RangeError(`"${s.replaceAll("\0", "\\0")}" holds a NUL byte`);
    const added: Str = { type: ArgType.string, at: this.textLength, text: s };
    this.text += `${s}\0`;
    this.textLength += utf8Length(s) + 1;
    this.strings.set(s, added);
    return added;
  }

  /** Adds a NULL-terminated array of strings, as execve wants it. */
  strArray(strings: readonly string[], text: Text): Blob {
    const array = this.reserve(8 * (strings.length + 1), text);
    for (let i = 0; i < strings.length; i++) this.pointer(array.at + 8 * i, this.str(strings[i]!));
    return array;
  }

  /** Lets the 8-byte word at a blob offset point to `target` when the program runs. */
  pointer(at: number, target: Blob | Str): void {
    this.relocations.push(at, target.type === ArgType.string ? target.at : target.at + RELOCATE_BLOB);
  }

  /** The place `delta` bytes into `blob`. */
  inside(blob: Blob, delta: number): Blob {
    return { type: ArgType.blob, at: blob.at + delta, text: `${blob.text}+${delta}` };
  }

  /** How many operations there are so far: the index of the next one. */
  get length(): number {
    return this.words.length / OP_WORDS;
  }

  /** A label for a place not reached yet. */
  label(): Label {
    return { at: -1, waiting: [] };
  }

  /** The label's place is here. */
  mark(label: Label): void {
    label.at = this.words.length / OP_WORDS;
    for (const word of label.waiting) this.words[word] = label.at;
    this.unmarked -= label.waiting.length;
    label.waiting.length = 0;
  }

  /** A system call. */
  sys(name: SyscallName, args: readonly Value[], policy: Policy = none): void {
    this.push("syscall", name, args, policy);
  }

  /** A system call whose result goes to a fresh slot, or to `policy.out`. */
  get(name: SyscallName, args: readonly Value[], policy: Policy = none): Slot {
    if (policy.out !== undefined) {
      this.push("syscall", name, args, policy);
      return policy.out;
    }
    const out = this.slot();
    this.push("syscall", name, args, policy, out);
    return out;
  }

  /** Closes the file descriptor in a slot and gives the slot back. */
  close(slot: Slot): void {
    this.push("syscall", "close", [slot], { handle: [ANY] });
    this.free(slot);
  }

  /**
   * Sends a message to brun; waits for the answer unless `answer` is 0. The answer's value is the result.
   * @param then descriptor that failures go to after the answer, instead of to brun
   */
  send(type: number, fd: Slot | null, answer: number, then: Slot | null = null, policy: Policy = none): void {
    this.push("send", "", [type, fd ?? -1, answer, then ?? 0], policy);
  }

  /** Clones into new namespaces; see nsenter/plan/execute.c. */
  clone(flags: number, cgroup: Slot | null): void {
    this.push("clone", "", [flags, cgroup ?? -1], none);
  }

  /** Fails with `errno` unless (bytes at `blob` & mask) is `expected`. */
  check(
    blob: Blob,
    width: 1 | 2 | 4 | 8,
    mask: Value,
    expected: Value,
    errno: number,
    policy: Policy = none,
  ): void {
    this.push("check", "", [blob, width, mask, expected, errno], policy);
  }

  /** Fails with `errno` where the program comes to it; with a policy it goes on elsewhere. */
  fail(errno: number, policy: Policy = none): void {
    this.check(this.reserve(8, "zero"), 1, 0xff, 1, errno, policy);
  }

  /** Writes a value into the blob: as 4 or 8 bytes, or (0) as decimal text. */
  poke(blob: Blob, value: Value, width: 0 | 4 | 8): void {
    this.push("poke", "", [blob, value, width], none);
  }

  /** Starts a program (struct spawn_request) and waits for it. */
  spawn(request: Blob, stdin: Slot | null, timeoutMs: number, policy: Policy = none): void {
    this.push("spawn", "", [request, stdin ?? -1, timeoutMs], policy);
  }

  /**
   * A system call with four arguments for each bit of a 64-bit `mask`, or with `inverted` for each that it lacks;
   * argument `at` (0 to 3) is the bit's number. EINVAL, a bit that this kernel does not know, is passed over.
   */
  bits(name: SyscallName, mask: number, at: number, args: readonly number[], inverted = false): void {
    const [a = 0, b = 0, c = 0, d = 0] = args;
    if (mask !== 0 || inverted)
      this.push("bits", name, [mask, at + 2 + (inverted ? BITS_INVERTED : 0), a, b, c, d], none);
  }

  /** Opens (O_PATH) a path below `root`, making what is missing; see nsenter/plan/target.c. */
  target(root: Slot, path: string, resolve: number, kind: "dir" | "file"): Slot {
    const out = this.slot();
    this.push("target", "", [root, this.str(path), resolve, kind === "file" ? 1 : 0], none, out);
    return out;
  }

  /** Copies a directory's mode, or with `contents` what is in it; see nsenter/plan/copy.h. */
  copy(from: Slot, to: Slot, contents: boolean, policy: Policy = none): void {
    this.push("copy", "", [from, to, contents ? Copy.contents : Copy.mode], policy);
  }

  /** Copies a regular file of a directory to another directory; see nsenter/plan/copy.h. */
  copyFile(from: Slot, to: Slot, name: string, policy: Policy = none): void {
    this.push("copy", "", [from, to, Copy.file, this.str(name)], policy);
  }

  /** Writes the mode of a file into the blob, as four octal digits. */
  mode(blob: Blob, fd: Slot): void {
    this.push("mode", "", [blob, fd], none);
  }

  /** Writes the home directory of a user by passwd(5) into the blob, of HOME_SIZE bytes; see nsenter/plan/passwd.h. */
  home(blob: Blob, uid: number, path: string): void {
    this.push("home", "", [blob, uid, this.str(path)], none);
  }

  /** close_range(2) without that call: marks descriptors from `first` up close-on-exec; see nsenter/plan/fallback.h. */
  cloexec(fds: Slot, first: number): void {
    this.push("cloexec", "", [fds, first], none);
  }

  /** mount_setattr(2) without that call on an attached mount, with flags of mount(2); see nsenter/plan/fallback.h. */
  remount(mount: Slot, set: number, clear: number): void {
    this.push("remount", "", [mount, this.fdPath(mount), set, clear], none);
  }

  /** Fails with ESRCH unless the process lives and started at `startTime`; see nsenter/plan/alive.h. */
  alive(pid: number | Slot, startTime: number | Slot, policy: Policy = none): void {
    this.push("alive", "", [pid, startTime], policy);
  }

  /** Whether `file` may be executed, by its path or by a name looked for in `path`; see nsenter/plan/search.h. */
  find(file: Str, path: string, policy: Policy = none): void {
    this.push("find", "", [file, this.str(path)], policy);
  }

  /** Writes all of a text, also to a pipe that others have made non-blocking. */
  write(fd: Slot | number, text: string, policy: Policy = none): void {
    this.push("write", "", [fd, this.str(text), utf8Length(text)], policy);
  }

  /** Lets a child go on with the program; the process stays as an init; see nsenter/stage/init.h. */
  init(): void {
    this.push("init", "", [], none);
  }

  /** execve(2) of what {@link find} finds. */
  execute(file: Str, path: string, argv: Blob, envp: Blob): void {
    this.push("execute", "", [file, this.str(path), argv, envp], none);
  }

  /** The path /proc/self/fd/N of the descriptor in a slot, good until the next one. */
  fdPath(slot: Slot): Blob {
    this.path ??= this.bytes(utf8("/proc/self/fd/".padEnd(40, "\0")), "fd path");
    this.poke(this.inside(this.path, 14), slot, 0);
    return this.path;
  }

  /** The program's bytes. Throws an Error when a label was never marked. */
  finish(): Program {
    if (this.unmarked !== 0) throw new Error("a label was never marked");
    const text = utf8(this.text);
    const count = this.words.length / OP_WORDS;
    const blob = this.structsLength + text.length;
    const relocations = this.relocations.length / 2;
    const head = 4 * (HEADER_WORDS + this.words.length + this.relocations.length);
    const bytes = new Uint8Array(head + blob);
    const words = new Int32Array(bytes.buffer, 0, head / 4);
    words.set([PROGRAM_MAGIC, count, relocations, blob, this.structsLength, 0]);
    words.set(this.words, HEADER_WORDS);
    words.set(this.relocations, HEADER_WORDS + this.words.length);
    let at = head;
    for (const struct of this.structs) {
      bytes.set(struct, at);
      at += (struct.length + 7) & ~7;
    }
    bytes.set(text, at);
    const ids = mapped(this.ids, (place) => head + place);
    return { bytes, ops: this.ops, count, ids };
  }

  private push(
    kind: OpKindName,
    name: SyscallName | "",
    args: readonly Value[],
    policy: Policy,
    slot?: Slot,
  ): void {
    if (this.record) this.recordOp(kind, name, args, policy, slot);
    const w = this.words;
    const start = w.length;
    const next = start / OP_WORDS + 1;
    const { handle, orElse, andThen, close } = policy;
    const out = slot ?? policy.out;
    w.push(kinds[kind] | (name === "" ? 0 : NR[name] << 16), 0, 0, next, next, -1);
    let types = 0;
    for (let i = 0; i < args.length; i++) {
      const value = args[i]!;
      if (typeof value === "number") {
        // Negative numbers sign-extend; flags above 2^31 are positive and do not.
        w.push(value | 0, value < 0 ? -1 : value > 0xffffffff ? (value - (value >>> 0)) / 4294967296 : 0);
      } else if (value === null) w.push(0, 0);
      else if (typeof value === "bigint") {
        w.push(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
      } else {
        types |= value.type << (2 * i);
        w.push(value.at, 0);
      }
    }
    for (let n = 2 * args.length; n < ARG_WORDS; n++) w.push(0);
    w[start + 1] = types | ((out === undefined ? NO_SLOT : out.at) << 16);
    if (handle !== undefined) w[start + HANDLED] = packErrnos(handle);
    if (orElse !== undefined) this.jump(start + ON_HANDLED, orElse);
    if (andThen !== undefined) this.jump(start + ON_SUCCESS, andThen);
    if (close !== undefined) w[start + CLOSES] = close[0]!.at | ((close[1]?.at ?? NO_SLOT) << 16);
  }

  private recordOp(
    kind: OpKindName,
    name: SyscallName | "",
    args: readonly Value[],
    policy: Policy,
    slot: Slot | undefined,
  ): void {
    const out = slot === undefined ? {} : { out: slot };
    this.ops.push({ kind, name, args, ...policy, ...out, where: this.where, step: this.step });
  }

  private jump(word: number, label: Label): void {
    if (label.at >= 0) throw new Error("a program cannot jump back");
    label.waiting.push(word);
    this.unmarked++;
  }
}

function packErrnos(errnos: readonly number[]): number {
  if (errnos.length > 4) throw new RangeError("an operation handles at most four errnos");
  let word = 0;
  for (let i = 0; i < errnos.length; i++) word |= errnos[i]! << (8 * i);
  return word;
}
