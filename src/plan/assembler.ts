/**
 * Turns operations into the bytes of a program: slots, strings, structs, holes, jumps.
 * program.ts defines the operations.
 *
 * Building is on the hot path, in a process too short-lived for the JIT. So operations are numbers in one plain
 * array, which is turned into bytes at the end. Only a recording builder keeps texts for people. Since compiling
 * is pure, a failed program is compiled again to explain the failure.
 */

import { BrunError } from "../errors.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import { NR, type SyscallName } from "../sys/syscalls.ts";
import { utf8, utf8Length } from "../sys/utf8.ts";
import { ANY_ERRNO, ArgType, NO_SLOT, PROGRAM_MAGIC, PROGRAM_SLOTS, RELOCATE_BLOB } from "./abi.ts";
import { AS_NUMBER, type Hole, WHOLE_LIST } from "./file-abi.ts";
import { layout } from "./layout.ts" with { type: "macro" };
import type {
  Blob,
  HoleReference,
  Label,
  Op,
  OpenNumber,
  OpKindName,
  Policy,
  Program,
  Slot,
  Str,
  Text,
  Value,
} from "./operation.ts";
import type { Step } from "./step.ts";

/** Sizes and offsets in words of 4 bytes. */
const HEADER_WORDS = layout("programHeader").sizeof / 4;
const OP_WORDS = layout("op").sizeof / 4;
const ARG_WORDS = (layout("op").sizeof - layout("op").args) / 4;
const HANDLED = layout("op").handled / 4;
const ON_HANDLED = layout("op").onHandled / 4;
const ON_SUCCESS = layout("op").onSuccess / 4;
const CLOSES = layout("op").closes / 4;
const kinds = members("OpKind");
/** Every errno is a failure. */
export const none: Policy = {};
const noStep: Step = { kind: "none" };

/** Builds a {@link Program}. */
export class Assembler {
  /** The operations so far, if recording. */
  readonly ops: Op[] = [];
  private readonly words: number[] = [];
  private readonly relocations: number[] = [];
  /** The holes, by their offsets as relocations have them. */
  private readonly holes = new Map<number, readonly [kind: Hole, index: number]>();
  /** Arguments that may refer to a hole: pairs of the word's index and the offset in the argument. */
  private readonly referring: number[] = [];
  /** Numbers that are holes: pairs of kind and word. */
  private readonly numbers: number[] = [];
  private onceAt = -1;
  private readonly structs: Uint8Array[] = [];
  private structsLength = 0;
  private text = "";
  private textLength = 0;
  private readonly strings = new Map<string, Str>();
  private readonly freeSlots: number[];
  private slotCount: number;
  private where = "";
  private step = noStep;
  /** The number of jumps whose target is not known yet. */
  private unmarked = 0;

  /**
   * @param record keep the purpose of each operation
   * @param before the previous program in the same stage, whose slots stay valid
   */
  constructor(
    readonly record = false,
    before?: Assembler,
  ) {
    this.slotCount = before === undefined ? 0 : before.slotCount;
    this.freeSlots = before === undefined ? [] : before.freeSlots;
  }

  /** Sets the config path and the purpose of the following operations. */
  at(where: string, step: Step): this {
    this.where = where;
    this.step = step;
    return this;
  }

  /** A new slot. Throws a BrunError beyond 1024 slots in use, which only the sources of mounts can reach. */
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

  /** Gives a slot's number back. Does not close a descriptor in it. */
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

  /** Adds a string; the same string is stored once. Throws a RangeError on a NUL byte. */
  str(s: string): Str {
    const known = this.strings.get(s);
    if (known !== undefined) return known;
    const added = this.append(s);
    this.strings.set(s, added);
    return added;
  }

  /**
   * Adds a string that another one replaces when the plan is used from a file; `index` is its place in a list
   * of strings. Only arguments and pointers that refer to the string's beginning are replaced. Throws a
   * RangeError on a NUL byte.
   */
  hole(kind: Hole, s: string, index = 0): Str {
    const added = this.append(s);
    this.holes.set(added.at, [kind, index]);
    return added;
  }

  /** Adds an array of strings as {@link strArray}, which an array of any length may replace. */
  holeList(kind: Hole, strings: readonly string[], text: Text): Blob {
    const array = this.strArray(strings, text);
    this.holes.set(array.at + RELOCATE_BLOB, [kind, WHOLE_LIST]);
    return array;
  }

  /** Adds bytes as {@link bytes}, to which a string of a list that replaces another one may refer as well. */
  holeBytes(kind: Hole, data: Uint8Array, text: Text): Blob {
    const added = this.bytes(data, text);
    this.holes.set(added.at + RELOCATE_BLOB, [kind, 0]);
    return added;
  }

  /** Adds a number that another one replaces when the plan is used from a file. */
  number(kind: Hole, value: number): OpenNumber {
    return { type: ArgType.immediate, at: value, text: `${value}`, kind };
  }

  private append(s: string): Str {
    if (s.includes("\0")) throw new RangeError(`"${s.replaceAll("\0", "\\0")}" holds a NUL byte`);
    const added: Str = { type: ArgType.string, at: this.textLength, text: s };
    this.text += `${s}\0`;
    this.textLength += utf8Length(s) + 1;
    return added;
  }

  /** Adds a NULL-terminated array of strings, as for execve. */
  strArray(strings: readonly string[], text: Text): Blob {
    const array = this.reserve(8 * (strings.length + 1), text);
    for (let i = 0; i < strings.length; i++) this.pointer(array.at + 8 * i, this.str(strings[i]!));
    return array;
  }

  /** Makes the 8-byte word at a blob offset point to `target` when the program runs. */
  pointer(at: number, target: Blob | Str): void {
    this.relocations.push(at, placeOf(target));
  }

  /** The place at offset `delta` in `blob`. */
  inside(blob: Blob, delta: number): Blob {
    return { type: ArgType.blob, at: blob.at + delta, text: `${blob.text}+${delta}` };
  }

  /** The number of operations so far, which is the index of the next one. */
  get length(): number {
    return this.words.length / OP_WORDS;
  }

  /** The following operations must not run twice. If one of them fails, the failure can only be explained. */
  once(): void {
    this.onceAt = this.length;
  }

  /** A label for a later place in the program. */
  label(): Label {
    return { at: -1, waiting: [] };
  }

  /** Puts the label here. */
  mark(label: Label): void {
    label.at = this.words.length / OP_WORDS;
    for (const word of label.waiting) this.words[word] = label.at;
    this.unmarked -= label.waiting.length;
    label.waiting.length = 0;
  }

  /** Adds a system call. */
  sys(name: SyscallName, args: readonly Value[], policy: Policy = none): void {
    this.push("syscall", name, args, policy);
  }

  /** Adds a system call whose result goes to a new slot, or to `policy.out`. */
  get(name: SyscallName, args: readonly Value[], policy: Policy = none): Slot {
    if (policy.out !== undefined) {
      this.push("syscall", name, args, policy);
      return policy.out;
    }
    const out = this.slot();
    this.push("syscall", name, args, policy, out);
    return out;
  }

  /** Closes the file descriptor in a slot, and gives the slot back. */
  close(slot: Slot): void {
    this.push("syscall", "close", [slot], { handle: [ANY_ERRNO] });
    this.free(slot);
  }

  /** The program's bytes. Throws an Error if a label was never marked. */
  finish(): Program {
    if (this.unmarked !== 0) throw new Error("a label was never marked");
    const text = utf8(this.text);
    const count = this.length;
    const once = this.onceAt < 0 ? count : this.onceAt;
    const blob = this.structsLength + text.length;
    const relocations = this.relocations.length / 2;
    const head = 4 * (HEADER_WORDS + this.words.length + this.relocations.length);
    const bytes = new Uint8Array(head + blob);
    const words = new Int32Array(bytes.buffer, 0, head / 4);
    words.set([PROGRAM_MAGIC, count, relocations, blob, this.structsLength, once]);
    words.set(this.words, HEADER_WORDS);
    words.set(this.relocations, HEADER_WORDS + this.words.length);
    let at = head;
    for (const struct of this.structs) {
      bytes.set(struct, at);
      at += (struct.length + 7) & ~7;
    }
    bytes.set(text, at);
    return { bytes, ops: this.ops, count, once, holes: this.references() };
  }

  /** The places in the bytes that refer to holes. */
  private references(): HoleReference[] {
    const references: HoleReference[] = [];
    const { numbers } = this;
    for (let i = 0; i < numbers.length; i += 2)
      references.push({ kind: numbers[i]!, index: AS_NUMBER, at: 4 * (HEADER_WORDS + numbers[i + 1]!) });
    if (this.holes.size === 0) return references;
    const add = (word: number, place: number): void => {
      const hole = this.holes.get(place);
      if (hole !== undefined)
        references.push({ kind: hole[0], index: hole[1], at: 4 * (HEADER_WORDS + word) });
    };
    const { words, relocations, referring } = this;
    for (let i = 0; i < referring.length; i += 2) add(referring[i]!, referring[i + 1]!);
    for (let i = 1; i < relocations.length; i += 2) add(words.length + i, relocations[i]!);
    return references;
  }

  protected push(
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
      let value = args[i]!;
      if (value !== null && typeof value === "object" && value.type === ArgType.immediate) {
        this.numbers.push(value.kind, w.length);
        value = value.at;
      }
      if (typeof value === "number") {
        // Negative numbers are sign-extended. Flags above 2^31 are positive and stay as they are.
        w.push(value | 0, value < 0 ? -1 : value > 0xffffffff ? (value - (value >>> 0)) / 4294967296 : 0);
      } else if (value === null) w.push(0, 0);
      else if (typeof value === "bigint") {
        w.push(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
      } else {
        types |= value.type << (2 * i);
        if (this.holes.size > 0 && value.type !== ArgType.slot) this.referring.push(w.length, placeOf(value));
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

/** The offset of a target in the form of a relocation. */
function placeOf(target: Blob | Str): number {
  return target.type === ArgType.string ? target.at : target.at + RELOCATE_BLOB;
}

function packErrnos(errnos: readonly number[]): number {
  if (errnos.length > 4) throw new RangeError("an operation handles at most four errnos");
  let word = 0;
  for (let i = 0; i < errnos.length; i++) word |= errnos[i]! << (8 * i);
  return word;
}
