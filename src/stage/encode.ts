/** Programs as bytes: the layout of nsenter/program.h. */
import { NR } from "../sys/syscalls.ts";
import { OpKind, type Program, type Value } from "./program.ts";

const MAGIC = 0x6e757262;
const HEADER_SIZE = 16;
const OP_SIZE = 72;
const RELOCATION_SIZE = 8;
const NO_SLOT = 0xffff;
const IMMEDIATE = 0;
const BLOB = 1;
const SLOT = 2;

function argType(value: Value): number {
  if (value === null || typeof value !== "object") return IMMEDIATE;
  return "slot" in value ? SLOT : BLOB;
}

function writeWord(view: DataView, at: number, value: Value): void {
  if (typeof value === "number") {
    view.setInt32(at, value | 0, true);
    view.setInt32(at + 4, Math.floor(value / 4294967296), true);
  } else if (typeof value === "bigint") {
    view.setBigUint64(at, BigInt.asUintN(64, value), true);
  } else if (value !== null) {
    view.setUint32(at, "slot" in value ? value.slot : value.offset, true);
  }
}

/** Encodes a program. Throws a RangeError when an operation handles more than four errnos. */
export function encodeProgram(program: Program): Uint8Array {
  const { ops, relocations, blob } = program;
  const size = HEADER_SIZE + ops.length * OP_SIZE + relocations.length * RELOCATION_SIZE + blob.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, ops.length, true);
  view.setUint32(8, relocations.length, true);
  view.setUint32(12, blob.length, true);
  let at = HEADER_SIZE;
  ops.forEach((op, index) => {
    view.setUint16(at, OpKind[op.kind], true);
    view.setUint16(at + 2, op.name === "" ? 0 : NR[op.name], true);
    let types = 0;
    op.args.forEach((arg, i) => {
      types |= argType(arg) << (2 * i);
      writeWord(view, at + 24 + 8 * i, arg);
    });
    view.setUint16(at + 4, types, true);
    view.setUint16(at + 6, op.out?.slot ?? NO_SLOT, true);
    const handle = op.handle ?? [];
    if (handle.length > 4) throw new RangeError(`"${op.doing}" handles more than four errnos`);
    handle.forEach((errno, i) => {
      view.setUint8(at + 8 + i, errno);
    });
    view.setUint32(at + 12, op.orElse?.at ?? index + 1, true);
    view.setUint32(at + 16, op.andThen?.at ?? index + 1, true);
    at += OP_SIZE;
  });
  for (const [from, to] of relocations) {
    view.setUint32(at, from, true);
    view.setUint32(at + 4, to, true);
    at += RELOCATION_SIZE;
  }
  bytes.set(blob, at);
  return bytes;
}
