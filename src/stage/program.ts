/**
 * A program for the stage: a flat list of operations over slots (results, mostly file descriptors) and a blob
 * (strings and structs). Built by src/init, encoded by encode.ts, executed by nsenter/execute.c, printed by
 * describe.ts. Building one does no I/O.
 */
import type { SyscallName } from "../sys/syscalls.ts";

/** A place for a result. Its number is reused after {@link ProgramBuilder.free}. */
export interface Slot {
  readonly slot: number;
}

/** Bytes in the program's blob; as an argument it becomes their address. */
export interface Blob {
  readonly offset: number;
  /** What it stands for, for people. */
  readonly text: string;
}

/** A place in the program to jump to: always further on than the jump. */
export interface Label {
  at: number;
}

/** An argument of an operation. null is a null pointer. */
export type Value = number | bigint | Slot | Blob | null;

/** Kinds of operations; the numbers are nsenter/program.h's. */
export const OpKind = { syscall: 0, send: 1, clone: 2, check: 3, poke: 4, spawn: 5 } as const;
export type OpKindName = keyof typeof OpKind;

/** Every errno is handled. */
export const ANY = 255;

/** How an operation's result is treated. */
export interface Policy {
  /** Slot that takes the result. */
  readonly out?: Slot | undefined;
  /** Errnos that are no failure (at most four), or {@link ANY} alone. */
  readonly handle?: readonly number[] | undefined;
  /** Where to go on after a handled errno; the next operation when absent. */
  readonly orElse?: Label | undefined;
  /** Where to go on after success; the next operation when absent. */
  readonly andThen?: Label | undefined;
}

/** One operation with what a person needs to know about it. */
export interface Op extends Policy {
  readonly kind: OpKindName;
  readonly name: SyscallName | "";
  readonly args: readonly Value[];
  /** Config path that it comes from: "mounts[3]". */
  readonly where: string;
  /** What it does, for error lines: "mount proc on /proc". */
  readonly doing: string;
}

/** The finished program. */
export interface Program {
  readonly ops: readonly Op[];
  readonly blob: Uint8Array;
  /** Pairs of blob offsets: the word at the first becomes the address of the second. */
  readonly relocations: readonly (readonly [number, number])[];
}

const MAX_SLOTS = 256;

/** Builds a {@link Program}. */
export class ProgramBuilder {
  readonly ops: Op[] = [];
  private readonly relocations: [number, number][] = [];
  private blob = new Uint8Array(4096);
  private blobLength = 0;
  private readonly strings = new Map<string, Blob>();
  private readonly freeSlots: number[] = [];
  private slotCount: number;
  private where = "";
  private doing = "";

  /** @param firstSlot slots below it belong to a program that ran before in the same stage */
  constructor(firstSlot = 0) {
    this.slotCount = firstSlot;
  }

  /** Sets the config path and the phrase for the operations that follow. */
  at(where: string, doing: string): this {
    this.where = where;
    this.doing = doing;
    return this;
  }

  /** A fresh slot. Throws a RangeError beyond 256 live ones. */
  slot(): Slot {
    const slot = this.freeSlots.pop() ?? this.slotCount++;
    if (slot >= MAX_SLOTS) throw new RangeError("program needs more than 256 slots at once");
    return { slot };
  }

  /** Gives a slot's number back; what it held is not closed. */
  free(slot: Slot): void {
    this.freeSlots.push(slot.slot);
  }

  /** Reserves zeroed, 8-aligned bytes that the program fills in while it runs. */
  reserve(size: number, text = "buffer"): Blob {
    return { offset: this.allocate(size), text };
  }

  /** Adds bytes, 8-aligned. */
  bytes(data: Uint8Array, text: string): Blob {
    const offset = this.allocate(data.length);
    this.blob.set(data, offset);
    return { offset, text };
  }

  /** Adds a NUL-terminated string; the same string is stored once. Throws a RangeError on a NUL byte. */
  str(s: string): Blob {
    const known = this.strings.get(s);
    if (known !== undefined) return known;
    if (s.includes("\0")) throw new RangeError(`"${s.replaceAll("\0", "\\0")}" holds a NUL byte`);
    const offset = this.allocate(Buffer.byteLength(s) + 1);
    Buffer.from(this.blob.buffer).write(s, offset);
    const blob = { offset, text: JSON.stringify(s) };
    this.strings.set(s, blob);
    return blob;
  }

  /** Adds a NULL-terminated array of strings, as execve wants it. */
  strArray(strings: readonly string[], text: string): Blob {
    const array = this.reserve(8 * (strings.length + 1), text);
    strings.forEach((s, i) => {
      this.pointer(array.offset + 8 * i, this.str(s));
    });
    return array;
  }

  /** Lets the 8-byte word at a blob offset point to `target` when the program runs. */
  pointer(at: number, target: Blob): void {
    this.relocations.push([at, target.offset]);
  }

  /** The blob offset `delta` bytes into `blob`. */
  inside(blob: Blob, delta: number): Blob {
    return { offset: blob.offset + delta, text: `${blob.text}+${delta}` };
  }

  /** A label for a place not reached yet. */
  label(): Label {
    return { at: -1 };
  }

  /** The label's place is here. */
  mark(label: Label): void {
    label.at = this.ops.length;
  }

  /** A system call. */
  sys(name: SyscallName, args: readonly Value[], policy: Policy = {}): void {
    this.push("syscall", name, args, policy);
  }

  /** A system call whose result goes to a fresh slot. */
  get(name: SyscallName, args: readonly Value[], policy: Policy = {}): Slot {
    const out = policy.out ?? this.slot();
    this.push("syscall", name, args, { ...policy, out });
    return out;
  }

  /** Closes the file descriptor in a slot and gives the slot back. */
  close(slot: Slot): void {
    this.push("syscall", "close", [slot], { handle: [ANY] });
    this.free(slot);
  }

  /** Sends a message to brun; waits for the answer unless `answer` is 0. The answer's value is the result. */
  send(type: number, fd: Slot | null, answer: number, policy: Policy = {}): void {
    this.push("send", "", [type, fd ?? -1, answer], policy);
  }

  /** Clones into new namespaces; see nsenter/execute.c. */
  clone(flags: number, cgroup: Slot | null): void {
    this.push("clone", "", [flags, cgroup ?? -1], {});
  }

  /** Fails with `errno` unless (bytes at `blob` & mask) is `expected`. */
  check(
    blob: Blob,
    width: 1 | 2 | 4 | 8,
    mask: Value,
    expected: Value,
    errno: number,
    policy: Policy = {},
  ): void {
    this.push("check", "", [blob, width, mask, expected, errno], policy);
  }

  /** Writes a value into the blob: as 4 or 8 bytes, or (0) as decimal text. */
  poke(blob: Blob, value: Value, width: 0 | 4 | 8): void {
    this.push("poke", "", [blob, value, width], {});
  }

  /** Starts a program (struct spawn_request) and waits for it. */
  spawn(request: Blob, stdin: Slot | null, timeoutMs: number, policy: Policy = {}): void {
    this.push("spawn", "", [request, stdin ?? -1, timeoutMs], policy);
  }

  /** The path /proc/self/fd/N of the descriptor in a slot, good until the next one. */
  fdPath(slot: Slot): Blob {
    this.path ??= this.bytes(Buffer.from("/proc/self/fd/".padEnd(40, "\0")), "fd path");
    this.poke(this.inside(this.path, 14), slot, 0);
    return { offset: this.path.offset, text: `"/proc/self/fd/%${slot.slot}"` };
  }
  private path: Blob | undefined;

  /** Number of slots in use or used, for the program that follows in the same stage. */
  get slots(): number {
    return this.slotCount;
  }

  /** The program. Throws an Error when a label was never marked. */
  finish(): Program {
    for (const op of this.ops) {
      if (op.orElse?.at === -1 || op.andThen?.at === -1) throw new Error(`unmarked label in "${op.doing}"`);
    }
    return { ops: this.ops, blob: this.blob.subarray(0, this.blobLength), relocations: this.relocations };
  }

  private push(kind: OpKindName, name: SyscallName | "", args: readonly Value[], policy: Policy): void {
    const { out, handle, orElse, andThen } = policy;
    this.ops.push({ kind, name, args, out, handle, orElse, andThen, where: this.where, doing: this.doing });
  }

  private allocate(size: number): number {
    const offset = this.blobLength;
    const end = (offset + Math.max(size, 1) + 7) & ~7;
    if (end > this.blob.length) {
      const larger = new Uint8Array(Math.max(end, this.blob.length * 2));
      larger.set(this.blob.subarray(0, offset));
      this.blob = larger;
    }
    this.blobLength = end;
    return offset;
  }
}
