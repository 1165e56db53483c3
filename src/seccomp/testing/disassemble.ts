/** A filter as text, one instruction a line, for golden tests. */
import { BPF, DATA, INSTRUCTION_SIZE } from "../bpf.ts";

const JUMPS: Readonly<Record<number, string>> = {
  [BPF.JUMP_EQUAL]: "==",
  [BPF.JUMP_GREATER]: ">",
  [BPF.JUMP_GREATER_EQUAL]: ">=",
  [BPF.JUMP_ANY_BIT]: "&",
};

/** "3: if a > 0x1ff goto 4 else 5". */
export function disassemble(bpf: Uint8Array): string[] {
  const view = new DataView(bpf.buffer, bpf.byteOffset, bpf.byteLength);
  return Array.from({ length: bpf.length / INSTRUCTION_SIZE }, (_, i) => {
    const at = i * INSTRUCTION_SIZE;
    const [code, k] = [view.getUint16(at, true), view.getUint32(at + 4, true)];
    const hex = `0x${k.toString(16)}`;
    const target = (skip: number) => i + 1 + skip;
    if (code === BPF.LOAD) return `${i}: load ${k === DATA.NR ? "nr" : k === DATA.ARCH ? "arch" : k}`;
    if (code === BPF.AND) return `${i}: and ${hex}`;
    if (code === BPF.JUMP) return `${i}: goto ${target(k)}`;
    if (code === BPF.RETURN) return `${i}: return ${hex}`;
    const [yes, no] = [view.getUint8(at + 2), view.getUint8(at + 3)].map(target);
    return `${i}: if a ${JUMPS[code] ?? code} ${hex} goto ${yes} else ${no}`;
  });
}
