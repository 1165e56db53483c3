/** The parts of programs: operations, their arguments and policies. */

import type { SyscallName } from "../sys/syscalls.ts";
import type { ArgType, OpKind } from "./abi.ts";
import type { Hole } from "./file-abi.ts";
import type { Step } from "./step.ts";

/**
 * A reference in an argument. All three types have this one shape, which makes telling them apart cheap in
 * a process without a JIT.
 */
interface Ref<Type extends ArgType> {
  readonly type: Type;
  /** The number of the slot, or the offset in the blob or among the strings. */
  readonly at: number;
  /** Text for people. For structs, only a recording builder keeps it. */
  readonly text: string;
}

/** A place for a result. Its number is used again after it has been freed. */
export type Slot = Ref<ArgType.slot>;

/** A struct in the program's blob; as an argument it becomes its address. */
export type Blob = Ref<ArgType.blob>;

/** A string in the program; as an argument it becomes its address. */
export type Str = Ref<ArgType.string>;

/** A struct's description for people, computed only if it is needed. */
export type Text = string | (() => string);

/** A place in the program to jump to. Jumps go only forward. */
export interface Label {
  at: number;
  /** The words to write the place into when it is known. */
  readonly waiting: number[];
}

/** A number that may be replaced: {@link ProgramBuilder.number}. */
export interface OpenNumber extends Ref<ArgType.immediate> {
  readonly kind: Hole;
}

/** An argument of an operation. null is a null pointer. */
export type Value = number | bigint | Slot | Blob | Str | OpenNumber | null;

export type OpKindName = keyof typeof OpKind;

/** How the result of an operation is treated. */
export interface Policy {
  /** The slot for the result. */
  readonly out?: Slot;
  /** Errnos that are no failure (at most four), or only ANY_ERRNO. */
  readonly handle?: readonly number[] | undefined;
  /** Where to go on after a handled errno; the next operation by default. */
  readonly orElse?: Label;
  /** Where to go on after success; the next operation by default. */
  readonly andThen?: Label;
  /** Slots (at most two) whose descriptors are closed after success. They have to be freed separately. */
  readonly close?: readonly Slot[];
}

/** An operation with its description for people. */
export interface Op extends Policy {
  readonly kind: OpKindName;
  readonly name: SyscallName | "";
  readonly args: readonly Value[];
  /** The config path that it comes from: "mounts[3]". */
  readonly where: string;
  /** Its purpose. */
  readonly step: Step;
}

/** A finished program. */
export interface Program {
  readonly bytes: Uint8Array;
  /** The operations, if the builder has recorded them; otherwise empty. */
  readonly ops: readonly Op[];
  readonly count: number;
  /** The index of the first operation that must not run twice; `count` if there is none. */
  readonly once: number;
  /** The references to strings that may be replaced: {@link ProgramBuilder.hole}. */
  readonly holes: readonly HoleReference[];
}

/** An argument of an operation, or a pointer, that refers to a hole. */
export interface HoleReference {
  readonly kind: Hole;
  readonly index: number;
  /** The offset of its 4 bytes in the program. */
  readonly at: number;
}
