/** Runs a filter as the kernel would (Documentation/networking/filter.rst), for tests. */
import { BPF, DATA, INSTRUCTION_SIZE } from "../bpf.ts";

/** A system call as a filter sees it (struct seccomp_data). */
export interface Call {
  readonly nr: number;
  /** AUDIT_ARCH_*. */
  readonly arch: number;
  readonly args?: readonly (number | bigint)[];
}

/** The return value of a filter as an unsigned number. Throws if the program is not well-formed. */
export function interpret(bpf: Uint8Array, call: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(DATA.NR, call.nr >>> 0, true);
  data.setUint32(DATA.ARCH, call.arch, true);
  call.args?.forEach((arg, i) => {
    data.setBigUint64(DATA.ARGS + 8 * i, BigInt.asUintN(64, BigInt(arg)), true);
  });
  const program = new DataView(bpf.buffer, bpf.byteOffset, bpf.byteLength);
  let a = 0;
  for (let pc = 0; ; pc++) {
    const at = pc * INSTRUCTION_SIZE;
    if (at >= program.byteLength) throw new Error(`fell off the end at ${pc}`);
    const code = program.getUint16(at, true);
    const k = program.getUint32(at + 4, true);
    const branch = (taken: boolean) => {
      pc += program.getUint8(at + (taken ? 2 : 3));
    };
    if (code === BPF.LOAD) a = data.getUint32(k, true);
    else if (code === BPF.AND) a = (a & k) >>> 0;
    else if (code === BPF.JUMP) pc += k;
    else if (code === BPF.JUMP_EQUAL) branch(a === k);
    else if (code === BPF.JUMP_GREATER) branch(a > k);
    else if (code === BPF.JUMP_GREATER_EQUAL) branch(a >= k);
    else if (code === BPF.JUMP_ANY_BIT) branch((a & k) !== 0);
    else if (code === BPF.RETURN) return k;
    else throw new Error(`unknown instruction ${code.toString(16)} at ${pc}`);
  }
}
