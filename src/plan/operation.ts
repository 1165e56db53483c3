/** What programs consist of: operations, their arguments and policies. */

import type { SyscallName } from "../sys/syscalls.ts";
import type { ArgType, OpKind } from "./abi.ts";
import type { Hole } from "./file-abi.ts";
import type { Step } from "./step.ts";

/**
 * What an argument refers to. All three kinds have this one shape, so that telling them apart is cheap in a
 * process without a JIT.
 */
interface Ref<Type extends ArgType> {
  readonly type: Type;
  /** Number of the slot, or offset in the blob or among the strings. */
  readonly at: number;
  /** What it stands for, for people; only a recording builder keeps the texts of structs. */
  readonly text: string;
}

/** A place for a result. Its number is reused after it has been freed. */
export type Slot = Ref<ArgType.slot>;

/** A struct in the program's blob; as an argument it becomes its address. */
export type Blob = Ref<ArgType.blob>;

/** A string in the program; as an argument it becomes its address. */
export type Str = Ref<ArgType.string>;

/** What a struct stands for: made only when somebody will read it. */
export type Text = string | (() => string);

/** A place in the program to jump to: always further on than the jump. */
export interface Label {
  at: number;
  /** Where the place has to be written into when it is known. */
  readonly waiting: number[];
}

/** An argument of an operation. null is a null pointer. */
export type Value = number | bigint | Slot | Blob | Str | null;

export type OpKindName = keyof typeof OpKind;

/** How an operation's result is treated. */
export interface Policy {
  /** Slot that takes the result. */
  readonly out?: Slot;
  /** Errnos that are no failure (at most four), or ANY_ERRNO alone. */
  readonly handle?: readonly number[] | undefined;
  /** Where to go on after a handled errno; the next operation when absent. */
  readonly orElse?: Label;
  /** Where to go on after success; the next operation when absent. */
  readonly andThen?: Label;
  /** Slots (at most two) whose descriptors are closed after success; the caller frees them. */
  readonly close?: readonly Slot[];
}

/** One operation with what a person needs to know about it. */
export interface Op extends Policy {
  readonly kind: OpKindName;
  readonly name: SyscallName | "";
  readonly args: readonly Value[];
  /** Config path that it comes from: "mounts[3]". */
  readonly where: string;
  /** What it is for. */
  readonly step: Step;
}

/** The finished program. */
export interface Program {
  readonly bytes: Uint8Array;
  /** Of a recording builder; else empty. */
  readonly ops: readonly Op[];
  readonly count: number;
  /** Index of the first operation that is not for a second time; `count`: there is none. */
  readonly once: number;
  /** Where it refers to strings that others may take the place of: {@link ProgramBuilder.hole}. */
  readonly holes: readonly HoleReference[];
}

/** An argument of an operation or a pointer that is a hole. */
export interface HoleReference {
  readonly kind: Hole;
  readonly index: number;
  /** Where in the program's bytes its 4 bytes are. */
  readonly at: number;
}
