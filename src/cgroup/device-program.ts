/**
 * A device filter as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE (kernel, include/uapi/linux/bpf.h). The
 * program gets the access in a struct bpf_cgroup_dev_ctx. It returns 1 to allow it, or 0 to refuse it. Pure.
 */
import { ALL_ACCESS, ANY_NUMBER, type DeviceFilter } from "./devices.ts";

const INSTRUCTION_SIZE = 8;
const DEV_BLOCK = 1;
const DEV_CHAR = 2;

/** Opcodes: class, size or operation, source. */
const LDX_W = 0x61; // dst = *(u32 *)(src + offset)
const MOV_IMM = 0xb7;
const MOV_REG32 = 0xbc;
const AND_IMM32 = 0x54;
const RSH_IMM32 = 0x74;
const JEQ_IMM32 = 0x16;
const JNE_IMM32 = 0x56; // 32 bits: a number above 2^31 must not be sign-extended
const JNE_REG32 = 0x5e;
const EXIT = 0x95;

type Instruction = readonly [opcode: number, dst: number, src: number, offset: number, imm: number];

/**
 * Registers: 1 is the context, later a scratch register; 2 is the type, 3 the access, 4 the major, 5 the minor
 * number.
 */
const PROLOGUE: readonly Instruction[] = [
  [LDX_W, 2, 1, 0, 0],
  [AND_IMM32, 2, 0, 0, 0xffff],
  [LDX_W, 3, 1, 0, 0],
  [RSH_IMM32, 3, 0, 0, 16],
  [LDX_W, 4, 1, 4, 0],
  [LDX_W, 5, 1, 8, 0],
];

/** Compiles the program to bytes. */
export function deviceProgram(filter: DeviceFilter): Uint8Array {
  const program = [...PROLOGUE];
  const verdict = (allow: boolean): Instruction[] => [
    [MOV_IMM, 0, 0, 0, allow ? 1 : 0],
    [EXIT, 0, 0, 0, 0],
  ];
  for (const { type, major, minor, access } of filter.exceptions) {
    // A test that fails jumps to the next exception.
    const tests: ("type" | "access" | "major" | "minor")[] = ["type"];
    if (access !== ALL_ACCESS) tests.push("access");
    if (major !== ANY_NUMBER) tests.push("major");
    if (minor !== ANY_NUMBER) tests.push("minor");
    const block: Instruction[] = [];
    const length = tests.length + (tests.includes("access") ? 2 : 0) + 2;
    const jump = (opcode: number, dst: number, src: number, imm: number) => {
      block.push([opcode, dst, src, length - block.length - 1, imm]);
    };
    for (const test of tests) {
      if (test === "type") jump(JNE_IMM32, 2, 0, type === "c" ? DEV_CHAR : DEV_BLOCK);
      else if (test === "major") jump(JNE_IMM32, 4, 0, major);
      else if (test === "minor") jump(JNE_IMM32, 5, 0, minor);
      else {
        // To allow, the exception has to contain all the requested access; to deny, any of it.
        block.push([MOV_REG32, 1, 3, 0, 0], [AND_IMM32, 1, 0, 0, access]);
        if (filter.defaultAllow) jump(JEQ_IMM32, 1, 0, 0);
        else jump(JNE_REG32, 1, 3, 0);
      }
    }
    program.push(...block, ...verdict(!filter.defaultAllow));
  }
  program.push(...verdict(filter.defaultAllow));
  return encode(program);
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  program.forEach(([opcode, dst, src, offset, imm], i) => {
    const at = i * INSTRUCTION_SIZE;
    view.setUint8(at, opcode);
    view.setUint8(at + 1, dst | (src << 4));
    view.setInt16(at + 2, offset, true);
    view.setUint32(at + 4, imm >>> 0, true);
  });
  return bytes;
}
