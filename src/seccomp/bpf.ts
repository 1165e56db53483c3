/** Classic BPF for seccomp (linux/filter.h): an instruction is {code, jt, jf, k} in 8 bytes. */

/** `jt` and `jf` are the numbers of instructions that a conditional jump skips if it is true or false. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** The opcodes in filters. */
export const BPF = {
  /** Loads the 32-bit word at offset k of struct seccomp_data. */
  LOAD: 0x20,
  /** Ands the accumulator with k (bitwise). */
  AND: 0x54,
  JUMP: 0x05,
  JUMP_EQUAL: 0x15,
  JUMP_GREATER: 0x25,
  JUMP_GREATER_EQUAL: 0x35,
  JUMP_ANY_BIT: 0x45,
  /** Ends with the result k. */
  RETURN: 0x06,
} as const;

/** Offsets in struct seccomp_data (linux/seccomp.h). */
export const DATA = { NR: 0, ARCH: 4, ARGS: 16 } as const;

/** The size of an instruction in bytes. */
export const INSTRUCTION_SIZE = 8;

/** The maximum number of instructions in the kernel (BPF_MAXINSNS). */
export const MAX_INSTRUCTIONS = 4096;

/** An instruction that is not a conditional jump. */
export function statement(code: number, k: number): Instruction {
  return { code, jt: 0, jf: 0, k };
}

/** A conditional jump. */
export function jump(code: number, k: number, jt: number, jf: number): Instruction {
  return { code, jt, jf, k };
}

/** Encodes a program as an array of struct sock_filter. */
export function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(i * INSTRUCTION_SIZE, code, true);
    view.setUint8(i * INSTRUCTION_SIZE + 2, jt);
    view.setUint8(i * INSTRUCTION_SIZE + 3, jf);
    view.setUint32(i * INSTRUCTION_SIZE + 4, k, true);
  });
  return bytes;
}
